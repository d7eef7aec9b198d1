// The regular expressions of the language: GNU extended syntax and \d, case-sensitive unless followed by `/i`.

import { Fault } from '../fault.ts'
import type { Cursor, RegexText } from './lex.ts'
import { compileRegex, type ByteRegex } from './regex/byte-regex.ts'

/** A text that must occur in the message. */
export interface Literal {
  /** ASCII in lower case if `ignoreCase`. */
  readonly text: string
  /** Whether to ignore the case of ASCII letters. */
  readonly ignoreCase: boolean
}

/** Compiles a `/pattern/`. Throws PATTERN_SYNTAX. */
export function compilePattern(pattern: string, ignoreCase: boolean): ByteRegex {
  return compileRegex(pattern, { syntax: 'ere', ignoreCase, digits: true })
}

/** Compiles a literal text that is matched without regard to case. */
export function compileFixed(text: string): ByteRegex {
  return compileRegex(text, { syntax: 'fixed', ignoreCase: true })
}

/** Reads the `/pattern/` at the cursor, and records mistakes in it. */
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
 * Lists of literals. A text can match only if it contains at least one literal of each list. The engine gives alternatives ("ways"),
 * each with all literals that it needs. A single way becomes one list per literal; several become one list with the longest of each.
 */
export function requiredLiterals({ literals, ignoreCase }: ByteRegex): Literal[][] {
  if (literals.length === 1) return literals[0].map((text) => [{ text, ignoreCase }])
  if (literals.some((way) => way.length === 0)) return []
  const longest = literals.map((way) => way.reduce((best, text) => (text.length > best.length ? text : best)))
  return [Array.from(new Set(longest), (text) => ({ text, ignoreCase }))]
}
