// Tests of header fields. A message without a host is tested with the host of its origin. The program of the origin is used only
// for lines without a header (format raw), since a syslog message without a tag has no program.

import {
  FORMAT_MASK,
  FORMAT_RAW,
  HOST,
  KIND,
  MSGID,
  PID,
  PROGRAM,
  ROW,
  STRUCTURED_DATA,
} from '../pipeline/header-table.ts'
import { ignoresCase, type Field, type StructuredField, type Value } from './ast.ts'
import { compileOrigin } from './origin-test.ts'
import { PriorityTest, type Test } from './test.ts'
import { priorityTable } from './priority-table.ts'
import type { Rows } from './rows.ts'
import { hasElement, someParam } from './structured-data.ts'
import { compileText, compileTextPattern, MessageTest } from './text-test.ts'
import { anyOf, compileValue, compileValues, type ValueTest } from './value-test.ts'

/** Compiles the test of a field. Throws PATTERN_SYNTAX. */
export function compileField(field: Field, values: readonly Value[]): Test {
  switch (field) {
    case 'facility':
    case 'severity':
      return new PriorityTest(priorityTable(field, values))
    case 'host':
    case 'program':
      return new StandInTest(field, values)
    case 'pid':
      return new CellTest(PID, values)
    case 'msgid':
      return new CellTest(MSGID, values)
    case 'message':
      return new MessageTest(anyOf(values.map(compileMessageValue)), MESSAGE_COST * values.length)
    case 'from':
    case 'source':
      return compileOrigin(field, values)
    default:
      return new StructuredTest(field, values)
  }
}

const MESSAGE_COST = 100

/** A plain text may occur anywhere in the message. `=text` and globs match the whole message. All of these have smart case. */
function compileMessageValue(value: Value): ValueTest {
  switch (value.kind) {
    case 'text':
      return value.text === '' ? compileValue(value, false) : compileText(value.text)
    case 'equal':
      return compileValue(value, ignoresCase(value.text))
    case 'glob':
      return compileValue(value, ignoresCase(value.pattern))
    case 'regex':
      return compileTextPattern(value.pattern, value.ignoreCase)
    case 'exists':
    case 'compare':
    case 'range':
      return compileValue(value, false)
  }
}

/** Tests a field that comes from the message only. */
class CellTest implements Test {
  readonly cost = 10
  readonly #cell: number
  readonly #value: ValueTest

  constructor(cell: number, values: readonly Value[]) {
    this.#cell = cell
    this.#value = compileValues(values, false)
  }

  narrow(rows: Rows, open: Uint8Array): void {
    const { count, bytes } = rows
    const { cells } = rows.table
    const value = this.#value
    for (let i = 0, cell = this.#cell; i < count; i += 1, cell += ROW) {
      if (open[i] !== 0 && !value.test(bytes, cells[cell], cells[cell + 1])) open[i] = 0
    }
  }
}

/** Tests a field that falls back to the origin. The value of the origin is tested at most once per run. */
class StandInTest implements Test {
  readonly cost = 10
  readonly #field: 'host' | 'program'
  readonly #value: ValueTest

  constructor(field: 'host' | 'program', values: readonly Value[]) {
    this.#field = field
    this.#value = compileValues(values, field === 'host')
  }

  narrow(rows: Rows, open: Uint8Array): void {
    const { bytes, runs } = rows
    const { cells } = rows.table
    const value = this.#value
    const ofHost = this.#field === 'host'
    const offset = ofHost ? HOST : PROGRAM
    let i = 0
    for (const { count, origin } of runs) {
      const forced = ofHost && origin.hostForced === true
      const standIn = ofHost ? origin.host : origin.program
      let stands: boolean | undefined
      for (const last = i + count; i < last; i += 1) {
        if (open[i] === 0) continue
        const row = i * ROW
        const start = cells[row + offset]
        const end = cells[row + offset + 1]
        const lacks = start === end && (ofHost || (cells[row + KIND] & FORMAT_MASK) === FORMAT_RAW)
        if (forced || lacks) {
          stands ??= value.test(standIn, 0, standIn.length)
          if (!stands) open[i] = 0
        } else if (!value.test(bytes, start, end)) {
          open[i] = 0
        }
      }
    }
  }
}

class StructuredTest implements Test {
  readonly cost = 40
  readonly #id: Buffer
  readonly #param: Buffer | undefined
  readonly #value: ValueTest

  constructor({ id, param }: StructuredField, values: readonly Value[]) {
    this.#id = Buffer.from(id)
    this.#param = param === undefined ? undefined : Buffer.from(param)
    // A parameter with an empty value exists, which the ordinary test would deny.
    this.#value = values.some(({ kind }) => kind === 'exists') ? { test: () => true } : compileValues(values, false)
  }

  narrow(rows: Rows, open: Uint8Array): void {
    const { count, bytes } = rows
    const { cells } = rows.table
    for (let i = 0, cell = STRUCTURED_DATA; i < count; i += 1, cell += ROW) {
      if (open[i] !== 0 && !this.#selects(bytes, cells[cell], cells[cell + 1])) open[i] = 0
    }
  }

  #selects(bytes: Buffer, start: number, end: number): boolean {
    if (start === end) return false
    if (!this.#param) return hasElement(bytes, start, end, this.#id)
    return someParam(bytes, start, end, this.#id, this.#param, this.#value)
  }
}
