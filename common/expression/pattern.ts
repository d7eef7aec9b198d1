// Regular expressions as the language has them: GNU extended syntax and \d, with case unless `/i` says otherwise.

import { Fault } from '../fault.ts'

/** What the language needs of a regular expression. */
export interface Pattern {
  /** Whether `[start, end)` holds a match. */
  test(bytes: Buffer, start: number, end: number): boolean
}

/** Throws PATTERN_SYNTAX. */
export function compilePattern(pattern: string, _ignoreCase: boolean): Pattern {
  throw new Fault('PATTERN_SYNTAX', `regular expressions are not there yet: /${pattern}/`)
}

/** The text itself, in any case. */
export function compileFixed(text: string): Pattern {
  throw new Fault('PATTERN_SYNTAX', `regular expressions are not there yet: "${text}"`)
}
