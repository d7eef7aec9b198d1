// Globs on text with characters of several bytes.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { globTest } from '../../common/expression/glob.ts'

test('`?` is a whole character, also after a `*`', () => {
  expect(globTest('*??', false)('€')).toBe(false)
  expect(globTest('*??', false)('€a')).toBe(true)
  expect(globTest('a*???', false)('a€b')).toBe(false)
})

test('a glob matches what the regular expression with the same meaning matches', () => {
  const glob = fc.array(fc.constantFrom('*', '*', '?', 'a', 'é', '€', '𝄞'), { maxLength: 6 })
  const text = fc.array(fc.constantFrom('a', 'é', '€', '𝄞'), { maxLength: 6 })
  fc.assert(
    fc.property(glob, text, (parts, characters) => {
      const pattern = parts.map((part) => (part === '*' ? '.*' : part === '?' ? '.' : part)).join('')
      const value = characters.join('')
      expect(globTest(parts.join(''), false)(value)).toBe(new RegExp(`^${pattern}$`, 'u').test(value))
    }),
    { numRuns: 2000 },
  )
})
