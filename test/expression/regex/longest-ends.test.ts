// All matches of a text are found in time in proportion to it, and are those of a model that tries everything.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileRegex } from '../../../common/expression/regex/byte-regex.ts'
import { LongestEnds } from '../../../common/expression/regex/longest-ends.ts'
import { parseExtended } from '../../../common/expression/regex/parse-extended.ts'
import { programOf } from '../../../common/expression/regex/program.ts'
import { allOf, choice, longestOf, offsetOf, part, sequence, texts } from './model.ts'

function found(pattern: string, bytes: Buffer): [number, number][] {
  const regex = compileRegex(pattern)
  const count = regex.findAll(bytes)
  return Array.from({ length: count }, (_, i) => [regex.matches[2 * i], regex.matches[2 * i + 1]])
}

/** How many bytes of the text are read. */
function countReads(text: string, read: (bytes: Buffer) => void): number {
  let reads = 0
  const get = (bytes: Buffer, key: string | symbol) => {
    reads += 1
    return bytes[Number(key)]
  }
  read(new Proxy(Buffer.from(text), { get }))
  return reads
}

test('one pass finds the end of the longest match from each place', () => {
  fc.assert(
    fc.property(part, texts(12), (given, text) => {
      const longest = longestOf(given, text)
      const ends = new Uint32Array(longest.size)
      const program = programOf(parseExtended(given.pattern, { ignoreCase: false, digits: false }), true)
      // What surrounds the text does not count.
      const bytes = Buffer.from(`a${text}a`)
      new LongestEnds(program).find(bytes, 1, bytes.length - 1, longest.size, ends)
      expect([...ends]).toEqual([...longest.values()].map((end) => 1 + offsetOf(text, end)).toReversed())
    }),
    { numRuns: 500 },
  )
})

test('all matches are found, however far a longer one was looked for', () => {
  fc.assert(
    fc.property(part, part, texts(60), (short, long, text) => {
      const given = choice([short, sequence([short, long])])
      expect(found(given.pattern, Buffer.from(text))).toEqual(allOf(given, text))
    }),
    { numRuns: 500 },
  )
})

test.each([
  ['a|a[^b]*b', (length: number) => 'a'.repeat(length)],
  ['(a[^b]*b)?', (length: number) => 'a'.repeat(length)],
  ['a|a.*$x', (length: number) => 'a'.repeat(length)],
  ['\\<a|a[^b]*b\\>', (length: number) => 'a '.repeat(length / 2)],
  ['é|é[^b]*b', (length: number) => 'é'.repeat(length / 2)],
  ['a|a(...)*b|a(.....)*b', (length: number) => 'a'.repeat(length)],
  // Every sequence of 14 characters is a state of its own, so the tables are filled again and again.
  ['a|.*c.{14}b', (length: number) => Array.from({ length }, (_, i) => ((i * i) % 7 < 3 ? 'c' : 'a')).join('')],
])('all matches of %j are found while each byte is read a few times', (pattern, textOf) => {
  for (const length of [600, 6000]) {
    const reads = countReads(textOf(length), (bytes) => compileRegex(pattern).findAll(bytes, 0, length))
    expect(reads, `${length} bytes`).toBeLessThan(40 * length)
  }
})

test('whole words may be empty: each byte is read a few times', () => {
  const length = 6000
  const regex = compileRegex('(-*a)?', { wholeWord: true })
  const reads = countReads(`${'-'.repeat(length - 2)}aa`, (bytes) => expect(regex.test(bytes, 0, length)).toBe(false))
  expect(reads).toBeLessThan(40 * length)
})
