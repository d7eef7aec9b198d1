// Tests for words and phrases anywhere in the message. Case is ignored for texts without a capital (smart case).

import { MESSAGE, ROW } from '../pipeline/header-table.ts'
import { ignoresCase } from './ast.ts'
import { isAscii } from './fold.ts'
import { compileFixed, compilePattern, requiredLiterals, type Literal } from './pattern.ts'
import type { Rows } from './rows.ts'
import { Substring } from './substring.ts'
import type { Test } from './test.ts'
import type { ValueTest } from './value-test.ts'

/** A test for values that contain the text, with smart case. */
export function compileText(text: string): ValueTest {
  const ignoreCase = ignoresCase(text)
  // Letters outside ASCII may change their length with their case, and may have more than two forms.
  return ignoreCase && !isAscii(text) ? compileFixed(text) : new Substring(Buffer.from(text), ignoreCase)
}

/** A regular expression. If every match must contain some text, that is searched for first, at a fifth of the cost. */
export function compileTextPattern(pattern: string, ignoreCase: boolean): ValueTest {
  const regex = compilePattern(pattern, ignoreCase)
  const [literal] = requiredLiterals(regex)
    .filter((clause) => clause.length === 1)
    .flat()
    .sort(byLength)
  if (!literal) return regex
  const text = new Substring(Buffer.from(literal.text), literal.ignoreCase)
  return { test: (bytes, start, end) => text.test(bytes, start, end) && regex.test(bytes, start, end) }
}

function byLength(a: Literal, b: Literal): number {
  return b.text.length - a.text.length
}

/** Tests the message text, which is empty if there is none. */
export class MessageTest implements Test {
  readonly cost: number
  readonly #value: ValueTest

  constructor(value: ValueTest, cost: number) {
    this.#value = value
    this.cost = cost
  }

  narrow(rows: Rows, open: Uint8Array): void {
    const { count, bytes } = rows
    const { cells } = rows.table
    const value = this.#value
    for (let i = 0, cell = MESSAGE; i < count; i += 1, cell += ROW) {
      if (open[i] !== 0 && !value.test(bytes, cells[cell], cells[cell + 1])) open[i] = 0
    }
  }
}
