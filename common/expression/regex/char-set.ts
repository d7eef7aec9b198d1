// Sets of characters. A set is a predicate that is called once for each distinct character that is met (the alphabet remembers the
// result), so its members are never enumerated: `[[:alpha:]]` costs the same as `a`.

import { BROKEN, characterClasses, foldCase, isWordCharacter } from './character.ts'

const LF = 0x0a

export interface CharSet {
  /** Sets with the same key have the same members. */
  readonly key: string
  has(code: number): boolean
  /** The only member of the set (with `ignoreCase`, in its folded form); undefined if there are more. */
  readonly only?: number
}

/** The set of one character, in all its cases if `ignoreCase`. */
export function one(code: number, ignoreCase: boolean): CharSet {
  if (!ignoreCase) return { key: `=${code}`, only: code, has: (other) => other === code }
  const folded = foldCase(code)
  return { key: `~${folded}`, only: folded, has: (other) => foldCase(other) === folded }
}

/** What `.` matches: any character, also `BROKEN`, except a line feed. */
export const anyCharacter: CharSet = { key: '.', has: (code) => code !== LF }

export const wordCharacter: CharSet = { key: 'w', has: isWordCharacter }

export const asciiDigit: CharSet = { key: 'd', has: (code) => code >= 0x30 && code <= 0x39 }

export const white: CharSet = named('space', false)!

/** The complement of a set. It never contains the line feed (as in grep), but does contain `BROKEN`. */
export function not(set: CharSet): CharSet {
  return { key: `!(${set.key})`, has: (code) => code !== LF && !set.has(code) }
}

/** The POSIX class of this name; undefined if there is none. */
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

/** The character and its other cases. */
function casesOf(code: number): number[] {
  if (code === BROKEN) return [code]
  const folded = foldCase(code)
  const cases = [code, folded]
  if (folded < 0x80) cases.push(folded >= 0x61 && folded <= 0x7a ? folded - 32 : folded)
  else cases.push(...[...String.fromCodePoint(folded).toLowerCase()].slice(0, 1).map((text) => text.codePointAt(0)!))
  return cases
}
