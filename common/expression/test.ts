// Tests, and their combinations. A test runs over all rows that are still open (candidates), and closes those that fail.

import type { Rows } from './rows.ts'
import type { PriorityTable } from './selector.ts'

export interface Test {
  /** Sets `open[i]` to 0 for each row that fails, and leaves the others as they are. */
  narrow(rows: Rows, open: Uint8Array): void
  /** Approximate ns per row: in an AND, cheap tests run first. */
  readonly cost: number
}

/** Scratch memory with one byte per row; grows with the largest batch seen. */
class Scratch {
  #bytes = new Uint8Array(1024)

  take(count: number): Uint8Array {
    if (this.#bytes.length < count) this.#bytes = new Uint8Array(2 * count)
    return this.#bytes
  }
}

/** Passes rows whose priority is 1 in a table. */
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

/** AND: passes rows that pass all tests. */
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
      // If no row is left, stop: the next test might otherwise cause headers to be parsed.
      const first = open.indexOf(1)
      if (first < 0 || first >= rows.count) return
    }
  }
}

/** OR: passes rows that pass any of the tests. */
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
      // Each test sees only the rows that no earlier one passed.
      for (let i = 0; i < count; i += 1) asked[i] = open[i] & (passed[i] ^ 1)
      test.narrow(rows, asked)
      for (let i = 0; i < count; i += 1) passed[i] |= asked[i]
    }
    for (let i = 0; i < count; i += 1) open[i] &= passed[i]
  }
}

/** NOT: passes rows that fail the test. */
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
