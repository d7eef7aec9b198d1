import { expect, test } from 'vitest'
import { localHostName } from '../../config/host-name.ts'

test.each([
  ['web-1.example.net', 'web-1.example.net'],
  ['', 'localhost'],
  ['two words', 'two_words'],
  ['tab\tand\nline', 'tab_and_line'],
  ['köln', 'köln'],
])('the host name %j is %j in messages', (name, word) => {
  expect(localHostName(name)).toBe(word)
})
