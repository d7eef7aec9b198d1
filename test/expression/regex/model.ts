// Random patterns with a model of each, which tries everything.

import fc from 'fast-check'

/** A pattern, and the model of it: where its matches end that begin at a place. */
export interface Part {
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
export const sequence = (parts: Part[]): Part => ({
  pattern: parts.map(({ pattern }) => pattern).join(''),
  ends: parts.reduce<Part['ends']>(
    (all, { ends }) => then(all, ends),
    (_, at) => new Set([at]),
  ),
})
export const choice = (options: Part[]): Part => ({
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
export const { part } = fc.letrec<{ part: Part }>((tie) => ({
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

export const texts = (maxLength: number) =>
  fc.array(fc.constantFrom('a', 'a', 'a', 'a', 'b', 'é', ' ', '\n'), { maxLength }).map((all) => all.join(''))

/** The offset in bytes of a character. */
export const offsetOf = (text: string, index: number) => Buffer.byteLength(text.slice(0, index))

/** By character at which a match begins: where the longest one ends. */
export function longestOf({ ends }: Part, text: string): Map<number, number> {
  const all = Array.from({ length: text.length + 1 }, (_, at): [number, number] => [
    at,
    Math.max(-1, ...ends(text, at)),
  ])
  return new Map(all.filter(([, end]) => end >= 0))
}

/** All matches that are not empty and do not overlap, in bytes. */
export function allOf(part: Part, text: string): [number, number][] {
  const all: [number, number][] = []
  let from = 0
  for (const [start, end] of longestOf(part, text)) {
    if (start < from || end === start) continue
    all.push([offsetOf(text, start), offsetOf(text, end)])
    from = end
  }
  return all
}
