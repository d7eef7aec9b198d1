// Parses `mask: [/re/, …]` of a route: patterns of text that must not be stored. The router overwrites what they match.

import { Cursor } from './lex.ts'
import { compilePattern, readPattern } from './pattern.ts'
import { ExpressionFault } from './problem.ts'
import type { ByteRegex } from './regex/byte-regex.ts'

/** Parses one mask: a regular expression between slashes, as in an expression. Throws an ExpressionFault. */
export function parseMask(text: string): ByteRegex {
  const cursor = new Cursor(text)
  cursor.skipBlanks()
  if (cursor.here !== '/') cursor.fail(cursor.at, 'a mask is a regular expression: /…/', undefined, text.length)
  if (cursor.problems.length > 0) throw new ExpressionFault(text, cursor.problems)
  const { pattern, ignoreCase } = readPattern(cursor)
  const end = cursor.at
  cursor.skipBlanks()
  if (!cursor.atEnd) cursor.fail(end, 'a mask is one regular expression and nothing else', undefined, text.length)
  if (cursor.problems.length > 0) throw new ExpressionFault(text, cursor.problems)
  return compilePattern(pattern, ignoreCase)
}
