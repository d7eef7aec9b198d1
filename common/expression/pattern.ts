// Regular expressions as the language has them: GNU extended syntax and \d, with case unless `/i` says otherwise.

import { Fault } from '../fault.ts'
import type { Cursor, RegexText } from './lex.ts'
import { compileRegex, type ByteRegex } from './regex/byte-regex.ts'

/** A text that stands in the message. */
export interface Literal {
  /** In lower case and ASCII where `ignoreCase`. */
  readonly text: string
  /** The case of ASCII letters does not count. */
  readonly ignoreCase: boolean
}

/** A compiled `/pattern/`. Throws PATTERN_SYNTAX. */
export function compilePattern(pattern: string, ignoreCase: boolean): ByteRegex {
  return compileRegex(pattern, { syntax: 'ere', ignoreCase, digits: true })
}

/** The text itself, in any case. */
export function compileFixed(text: string): ByteRegex {
  return compileRegex(text, { syntax: 'fixed', ignoreCase: true })
}

/** Reads the `/pattern/` at the cursor and notes what is wrong with it. */
export function readPattern(cursor: Cursor, stops = ''): RegexText {
  const start = cursor.at
  const known = cursor.problems.length
  const regex = cursor.readRegex(stops)
  if (cursor.problems.length > known) return regex
  try {
    compilePattern(regex.pattern, regex.ignoreCase)
  } catch (error) {
    if (!(error instanceof Fault && error.code === 'PATTERN_SYNTAX')) throw error
    cursor.fail(start, error.detail)
  }
  return regex
}

/**
 * What a match cannot do without: of each list at least one literal. The engine tells ways to match, each with all literals
 * it needs; a single way gives a list for each of them, several give one list of the longest literal of each.
 */
export function requiredLiterals({ literals, ignoreCase }: ByteRegex): Literal[][] {
  if (literals.length === 1) return literals[0].map((text) => [{ text, ignoreCase }])
  if (literals.some((way) => way.length === 0)) return []
  const longest = literals.map((way) => way.reduce((best, text) => (text.length > best.length ? text : best)))
  return [Array.from(new Set(longest), (text) => ({ text, ignoreCase }))]
}
