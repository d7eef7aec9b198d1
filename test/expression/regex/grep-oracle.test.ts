// Compares with GNU grep: random patterns on random lines, with the flags that change what matches.

import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileRegex, type RegexOptions } from '../../../common/expression/regex/byte-regex.ts'

const letters = ['a', 'b', 'A', 'B', 'x', '_', '1', ' ', '-', 'é', 'É', '€', 'ß', '𝄞']
const pieces = [
  ...letters,
  ...['.', '\\w', '\\W', '\\s', '\\S', '[ab]', '[^a]', '[a-x]', '[[:alpha:]]', '[^[:space:]]', '[[:digit:]_]', '[]a]'],
  ...['[^]b]', '[[:upper:]]', '\\.', '\\]', '}', 'a{', '[a\\]', '[[=a=]]', '[[.-.]]', '[a-]'],
]
const places = ['^', '$', '\\<', '\\>', '\\b', '\\B', '\\`', "\\'"]
const quantifiers = ['*', '+', '?', '{2}', '{1,2}', '{,2}', '{2,}', '{0}', '*?', '{,}']

// Assertions are only outside of groups, since the two matchers of grep disagree about repeated ones.
const atoms = fc.letrec<{ sequence: string; atom: string; part: string }>((tie) => ({
  sequence: fc.array(tie('part'), { maxLength: 3 }).map((parts) => parts.join('')),
  part: fc.tuple(tie('atom'), fc.constantFrom('', '', ...quantifiers)).map((pair) => pair.join('')),
  atom: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 5, arbitrary: fc.constantFrom(...pieces) },
    {
      weight: 1,
      arbitrary: fc.array(tie('sequence'), { minLength: 1, maxLength: 3 }).map((all) => `(${all.join('|')})`),
    },
  ),
}))
const placed = fc.tuple(
  fc.constantFrom('', '', ...places),
  atoms.sequence,
  fc.constantFrom('', '', ...places),
  atoms.sequence,
)
const pattern = fc
  .array(
    placed.map((parts) => parts.join('')),
    { minLength: 1, maxLength: 3 },
  )
  .map((options) => options.join('|'))

const line = fc.array(fc.constantFrom(...letters, '{', ']', '.'), { maxLength: 12 }).map((parts) => parts.join(''))
const lines = fc.array(line, { minLength: 1, maxLength: 12 })

// The seed is fixed in short runs, so that the result in CI is not random. `SLUICE_LONG` searches with new seeds.
const RUNS = process.env['SLUICE_LONG'] === undefined ? { numRuns: 120, seed: 20_261_123 } : { numRuns: 3_000 }

/** Whether a pattern has an interval with nothing to repeat: undefined by the manual, and the two matchers of grep disagree. */
const isOpen = (text: string) => /(^|[|(^])(\\[<>bB`'])*[*+?]*\{[\d,]/.test(text) || /\{\}|[*+?}]\{,?\}/.test(text)

function grep(flags: string[], text: string, input: string): string[] {
  const { stdout, stderr, status, signal } = spawnSync('grep', [...flags, '-e', text], {
    ...{ input, encoding: 'utf8', env: { LC_ALL: 'C.UTF-8' } },
    timeout: 2_000,
  })
  fc.pre(signal === null) // GNU grep itself takes minutes for some nests of repeats
  if (status === 2) throw new Error(stderr)
  return stdout.split('\n').slice(0, -1)
}

const flagSets: [string[], RegexOptions][] = [
  [[], {}],
  [['-i'], { ignoreCase: true }],
  [['-w'], { wholeWord: true }],
  [['-x'], { wholeLine: true }],
  [['-w', '-i'], { wholeWord: true, ignoreCase: true }],
]

for (const [flags, options] of flagSets) {
  const name = ['-E', ...flags].join(' ')

  test(`regex: the same lines match as with grep ${name}`, () => {
    fc.assert(
      fc.property(pattern, lines, (text, given) => {
        fc.pre(!isOpen(text))
        // grep -w tries shorter matches in a truncated text, and takes the truncation for the end of the text.
        fc.pre(!options.wholeWord || !/\\['>bB]/.test(text))
        // grep -w finds empty words inside a character of several bytes.
        const input = options.wholeWord ? given.map((each) => each.replace(/[€𝄞]/gu, '-')) : given
        const regex = compileRegex(text, options)
        const expected = grep(['-n', '-E', ...flags], text, input.join('\n') + '\n')
        const found = input.flatMap((each, i) => (regex.test(Buffer.from(each)) ? [`${i + 1}:${each}`] : []))
        expect(found).toEqual(expected)
      }),
      RUNS,
    )
  }, 300_000)

  // After the first match, grep -ow searches for a shorter one with a wrong bound, so it cannot be the model.
  if (options.wholeWord) continue

  test(`regex: the same parts match as with grep -o ${name}`, () => {
    fc.assert(
      fc.property(pattern, lines, (text, input) => {
        fc.pre(!isOpen(text))
        const regex = compileRegex(text, options)
        const expected = grep(['-o', '-n', '-E', ...flags], text, input.join('\n') + '\n')
        const found = input.flatMap((each, i) => parts(regex, Buffer.from(each)).map((part) => `${i + 1}:${part}`))
        expect(found).toEqual(expected)
      }),
      RUNS,
    )
  }, 300_000)
}

function parts(regex: ReturnType<typeof compileRegex>, text: Buffer): string[] {
  const count = regex.findAll(text)
  return Array.from({ length: count }, (_, i) => text.toString('utf8', regex.matches[2 * i], regex.matches[2 * i + 1]))
}
