// All matches of a text are found in time in proportion to it, and are those of a model that tries everything.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileRegex } from '../../../common/expression/regex/byte-regex.ts'
import { LongestEnds } from '../../../common/expression/regex/longest-ends.ts'
import { parseExtended } from '../../../common/expression/regex/parse-extended.ts'
import { programOf } from '../../../common/expression/regex/program.ts'

/** A pattern, and the model of it: where its matches end that begin at a place. */
interface Part {
  readonly pattern: string
  readonly ends: (text: string, at: number) => Set<number>
}

const isWord = (character: string | undefined) => character !== undefined && /[\p{Alphabetic}\d_]/u.test(character)

const one = (pattern: string, holds: (character: string) => boolean): Part => ({
  pattern,
  ends: (text, at) => new Set(at < text.length && holds(text[at]) ? [at + 1] : []),
})
const place = (pattern: string, holds: (before: string | undefined, after: string | undefined) => boolean): Part => ({
  pattern,
  ends: (text, at) => new Set(holds(text[at - 1], text[at]) ? [at] : []),
})
const then = (first: Part['ends'], second: Part['ends']): Part['ends'] => {
  return (text, at) => new Set([...first(text, at)].flatMap((middle) => [...second(text, middle)]))
}
const sequence = (parts: Part[]): Part => ({
  pattern: parts.map(({ pattern }) => pattern).join(''),
  ends: parts.reduce<Part['ends']>(
    (all, { ends }) => then(all, ends),
    (_, at) => new Set([at]),
  ),
})
const choice = (options: Part[]): Part => ({
  pattern: `(${options.map(({ pattern }) => pattern).join('|')})`,
  ends: (text, at) => new Set(options.flatMap(({ ends }) => [...ends(text, at)])),
})
const repeat = ({ pattern, ends }: Part, min: number, max: number, sign: string): Part => ({
  pattern: `(${pattern})${sign}`,
  ends: (text, at) => {
    const found = new Set<number>()
    let now = new Set([at])
    for (let times = 0; times <= Math.min(max, min + text.length) && now.size > 0; times += 1) {
      if (times >= min) for (const end of now) found.add(end)
      now = new Set([...now].flatMap((each) => [...ends(text, each)]))
    }
    return found
  },
})

const atom = fc.constantFrom(
  ...['a', 'b', 'é'].map((letter) => one(letter, (character) => character === letter)),
  one('.', (character) => character !== '\n'),
  one('[^b]', (character) => character !== 'b' && character !== '\n'),
  one('\\s', (character) => character === ' ' || character === '\n'),
  place('^', (before) => before === undefined || before === '\n'),
  place('$', (_, after) => after === undefined || after === '\n'),
  place('\\b', (before, after) => isWord(before) !== isWord(after)),
  place('\\>', (before, after) => isWord(before) && !isWord(after)),
)
const { part } = fc.letrec<{ part: Part }>((tie) => ({
  part: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 3, arbitrary: atom },
    { weight: 2, arbitrary: fc.array(tie('part'), { maxLength: 3 }).map(sequence) },
    { weight: 2, arbitrary: fc.array(tie('part'), { minLength: 1, maxLength: 3 }).map(choice) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(
          tie('part'),
          fc.constantFrom<[number, number, string]>(
            [0, Infinity, '*'],
            [1, Infinity, '+'],
            [0, 1, '?'],
            [2, 3, '{2,3}'],
          ),
        )
        .map(([inner, [min, max, sign]]) => repeat(inner, min, max, sign)),
    },
  ),
}))

const texts = (maxLength: number) =>
  fc.array(fc.constantFrom('a', 'a', 'a', 'a', 'b', 'é', ' ', '\n'), { maxLength }).map((all) => all.join(''))

/** The offset in bytes of a character. */
const offsetOf = (text: string, index: number) => Buffer.byteLength(text.slice(0, index))

/** By character at which a match begins: where the longest one ends. */
function longestOf({ ends }: Part, text: string): Map<number, number> {
  const all = Array.from({ length: text.length + 1 }, (_, at): [number, number] => [
    at,
    Math.max(-1, ...ends(text, at)),
  ])
  return new Map(all.filter(([, end]) => end >= 0))
}

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
      const expected: [number, number][] = []
      let from = 0
      for (const [start, end] of longestOf(given, text)) {
        if (start < from || end === start) continue
        expected.push([offsetOf(text, start), offsetOf(text, end)])
        from = end
      }
      expect(found(given.pattern, Buffer.from(text))).toEqual(expected)
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
