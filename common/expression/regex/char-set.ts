// Sets of characters. A set answers for one character at a time and is asked once for each character that is met (the
// alphabet remembers the answer), so nothing is ever listed: `[[:alpha:]]` costs the same as `a`.

import { BROKEN, characterClasses, foldCase, isWordCharacter } from './character.ts'

const LF = 0x0a

export interface CharSet {
  /** Two sets with the same key hold the same characters. */
  readonly key: string
  has(code: number): boolean
  /** The only character of the set (or the folded one, where case does not count); undefined where there are more. */
  readonly only?: number
}

/** Exactly this character, in both cases where `ignoreCase`. */
export function one(code: number, ignoreCase: boolean): CharSet {
  if (!ignoreCase) return { key: `=${code}`, only: code, has: (other) => other === code }
  const folded = foldCase(code)
  return { key: `~${folded}`, only: folded, has: (other) => foldCase(other) === folded }
}

/** What `.` stands for: any character, also a broken byte, but not the end of a line. */
export const anyCharacter: CharSet = { key: '.', has: (code) => code !== LF }

export const wordCharacter: CharSet = { key: 'w', has: isWordCharacter }

export const asciiDigit: CharSet = { key: 'd', has: (code) => code >= 0x30 && code <= 0x39 }

export const white: CharSet = named('space', false)!

/** All but these; never the end of a line (as in grep), but a broken byte. */
export function not(set: CharSet): CharSet {
  return { key: `!(${set.key})`, has: (code) => code !== LF && !set.has(code) }
}

/** A POSIX class by name; undefined where there is none. */
export function named(name: string, ignoreCase: boolean): CharSet | undefined {
  const pattern = Object.hasOwn(characterClasses, name) ? characterClasses[name] : undefined
  if (!pattern) return undefined
  if (ignoreCase && (name === 'upper' || name === 'lower')) return named('alpha', false)
  return { key: `:${name}`, has: (code) => code !== BROKEN && pattern.test(String.fromCodePoint(code)) }
}

export interface Range {
  readonly from: number
  readonly to: number
}

/** A bracket expression: single characters and ranges by code, and whole classes. */
export function bracket(ranges: readonly Range[], classes: readonly CharSet[], ignoreCase: boolean): CharSet {
  if (classes.length === 0 && ranges.length === 1 && ranges[0].from === ranges[0].to) {
    return one(ranges[0].from, ignoreCase)
  }
  const parts = [...ranges.map(({ from, to }) => `${from}-${to}`), ...classes.map((set) => set.key)]
  const holds = (code: number) =>
    ranges.some(({ from, to }) => code >= from && code <= to) || classes.some((set) => set.has(code))
  if (!ignoreCase) return { key: `[${parts.join()}]`, has: holds }
  return { key: `~[${parts.join()}]`, has: (code) => casesOf(code).some(holds) }
}

/** A letter's cases, as far as one can be reached from the other. */
function casesOf(code: number): number[] {
  if (code === BROKEN) return [code]
  const folded = foldCase(code)
  const cases = [code, folded]
  if (folded < 0x80) cases.push(folded >= 0x61 && folded <= 0x7a ? folded - 32 : folded)
  else cases.push(...[...String.fromCodePoint(folded).toLowerCase()].slice(0, 1).map((text) => text.codePointAt(0)!))
  return cases
}
