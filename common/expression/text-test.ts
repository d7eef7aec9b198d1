// Words and phrases: texts somewhere in the message, without case where nothing in them is a capital.

import { MESSAGE, ROW } from '../pipeline/header-table.ts'
import { ignoresCase } from './ast.ts'
import { isAscii } from './fold.ts'
import { compileFixed, compilePattern, requiredLiterals, type Literal } from './pattern.ts'
import type { Rows } from './rows.ts'
import { Substring } from './substring.ts'
import type { Test } from './test.ts'
import type { ValueTest } from './value-test.ts'

/** A text that is part of a value; smart case. */
export function compileText(text: string): ValueTest {
  const ignoreCase = ignoresCase(text)
  // Other letters change length with their case, and have more than two forms.
  return ignoreCase && !isAscii(text) ? compileFixed(text) : new Substring(Buffer.from(text), ignoreCase)
}

/** A regular expression; a text that every match must hold is looked for first, which costs a fifth of it. */
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

/** A test of the message; an absent one is empty. */
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
