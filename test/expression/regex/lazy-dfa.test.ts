// With a table for a few states only, most texts fill it, pass without it, and have it built anew.

import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { compileRegex } from '../../../common/expression/regex/byte-regex.ts'
import { allOf, longestOf, part, texts } from './model.ts'

vi.mock(import('../../../common/limits.ts'), async (original) => ({ ...(await original()), REGEX_TABLE_CELLS_MAX: 48 }))

test('a table that is always full changes no match', () => {
  fc.assert(
    fc.property(part, fc.array(texts(40), { minLength: 1, maxLength: 4 }), (given, lines) => {
      const regex = compileRegex(given.pattern)
      for (const text of lines) {
        const bytes = Buffer.from(text)
        expect(regex.test(bytes)).toBe(longestOf(given, text).size > 0)
        const count = regex.findAll(bytes)
        const bounds = Array.from({ length: count }, (_, i) => [regex.matches[2 * i], regex.matches[2 * i + 1]])
        expect(bounds).toEqual(allOf(given, text))
      }
    }),
    { numRuns: 500 },
  )
})
