import { expect, test } from 'vitest'
import { parseMask } from '../../common/expression/mask.ts'
import { ExpressionFault } from '../../common/expression/problem.ts'

test('a mask matches its pattern, without regard to case with /i', () => {
  const mask = parseMask(' /token=[^ ]+/i ')
  const text = Buffer.from('a Token=secret b')
  expect(mask.find(text)).toBe(true)
  expect(text.toString('utf8', mask.matchStart, mask.matchEnd)).toBe('Token=secret')
})

test.each([
  ['token', [[0, 5, 'a mask is a regular expression: /…/']]],
  ['', [[0, 0, 'a mask is a regular expression: /…/']]],
  ['/a/ /b/', [[3, 7, 'a mask is one regular expression and nothing else']]],
  ['/a', [[0, 2, 'the regular expression is not closed by a slash; quotes make a path text']]],
  ['/(a/', [[0, 4, 'Unmatched ( or \\(, at character 1 of "(a"']]],
])('%j is not a mask', (text, expected) => {
  let found: unknown
  try {
    parseMask(text)
  } catch (error) {
    if (!(error instanceof ExpressionFault)) throw error
    found = error.problems.map(({ start, end, sentence }) => [start, end, sentence])
  }
  expect(found).toEqual(expected)
})
