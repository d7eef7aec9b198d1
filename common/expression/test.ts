// Tests, and how they combine. A test runs over all rows that are still open and closes those that fail it.

import type { Rows } from './rows.ts'
import type { PriorityTable } from './selector.ts'

export interface Test {
  /** Sets `open[i]` to 0 for each row that fails, and leaves every other as it is. */
  narrow(rows: Rows, open: Uint8Array): void
  /** Roughly, ns a row: in an AND the cheap ones run first. */
  readonly cost: number
}

/** Row-wise scratch that grows with the largest batch seen. */
class Scratch {
  #bytes = new Uint8Array(1024)

  take(count: number): Uint8Array {
    if (this.#bytes.length < count) this.#bytes = new Uint8Array(2 * count)
    return this.#bytes
  }
}

/** By priority alone. */
export class PriorityTest implements Test {
  readonly cost = 2
  readonly table: PriorityTable
  readonly #priorities = new Scratch()

  constructor(table: PriorityTable) {
    this.table = table
  }

  narrow(rows: Rows, open: Uint8Array): void {
    const count = rows.count
    const table = this.table
    const priorities = this.#priorities.take(count)
    rows.writePriorities(priorities)
    for (let i = 0; i < count; i += 1) open[i] &= table[priorities[i]]
  }
}

/** All of them. */
export class AllTest implements Test {
  readonly cost: number
  readonly #tests: readonly Test[]

  constructor(tests: readonly Test[]) {
    this.#tests = [...tests].sort((a, b) => a.cost - b.cost)
    this.cost = sumOfCosts(tests)
  }

  narrow(rows: Rows, open: Uint8Array): void {
    for (const test of this.#tests) {
      test.narrow(rows, open)
      // Where nothing is left, the header fields that the next test would ask for are never parsed.
      const first = open.indexOf(1)
      if (first < 0 || first >= rows.count) return
    }
  }
}

/** Any of them. */
export class AnyTest implements Test {
  readonly cost: number
  readonly #tests: readonly Test[]
  readonly #asked = new Scratch()
  readonly #passed = new Scratch()

  constructor(tests: readonly Test[]) {
    this.#tests = [...tests].sort((a, b) => a.cost - b.cost)
    this.cost = sumOfCosts(tests)
  }

  narrow(rows: Rows, open: Uint8Array): void {
    const count = rows.count
    const asked = this.#asked.take(count)
    const passed = this.#passed.take(count).fill(0, 0, count)
    for (const test of this.#tests) {
      // A later test sees only what no earlier one let pass.
      for (let i = 0; i < count; i += 1) asked[i] = open[i] & (passed[i] ^ 1)
      test.narrow(rows, asked)
      for (let i = 0; i < count; i += 1) passed[i] |= asked[i]
    }
    for (let i = 0; i < count; i += 1) open[i] &= passed[i]
  }
}

/** What fails the other. */
export class NotTest implements Test {
  readonly cost: number
  readonly #test: Test
  readonly #passed = new Scratch()

  constructor(test: Test) {
    this.#test = test
    this.cost = test.cost
  }

  narrow(rows: Rows, open: Uint8Array): void {
    const count = rows.count
    const passed = this.#passed.take(count)
    for (let i = 0; i < count; i += 1) passed[i] = open[i]
    this.#test.narrow(rows, passed)
    for (let i = 0; i < count; i += 1) open[i] &= passed[i] ^ 1
  }
}

function sumOfCosts(tests: readonly Test[]): number {
  return tests.reduce((sum, { cost }) => sum + cost, 0)
}
