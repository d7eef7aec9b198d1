// What a predicate is evaluated over: rows of byte ranges. A batch is one kind; the archive search makes another:
//
//   bytes    all decoded columns, one behind another in one buffer
//   table    a HeaderTable whose ranges point into it; times holds the effective times, so `received` is Infinity
//   runs     consecutive rows with the same peer and source, with an Origin from the block's dictionary;
//            host and program are in the table, so that nothing of the origin stands in for them
//
// The ranges of MESSAGE go up from row to row (search over them runs through the buffer once); all others may point
// anywhere, also to the same dictionary entry from many rows.

import { headersOf, prioritiesOf } from '../message/headers.ts'
import type { Batch, Origin } from '../pipeline/batch.ts'
import type { HeaderTable } from '../pipeline/header-table.ts'

export interface RowRun {
  readonly count: number
  readonly origin: Origin
}

export interface Rows {
  readonly count: number
  readonly bytes: Buffer
  /** Asked for only by what reads more than the priority. */
  readonly table: HeaderTable
  readonly runs: readonly RowRun[]
  /** µs since the epoch: stands in for the time of a message that has none or one over an hour ahead. */
  readonly received: number
  /** What `2h` and `today` are counted from, µs since the epoch. */
  readonly now: number
  /** Writes each row's priority; `tablePriorities` of `message/headers.ts` where there is a table anyway. */
  writePriorities(into: Uint8Array): void
}

/** The rows of a batch. Header fields are parsed when one is first asked for. */
export class BatchRows implements Rows {
  readonly #batch: Batch

  constructor(batch: Batch) {
    this.#batch = batch
  }

  get count(): number {
    return this.#batch.count
  }

  get bytes(): Buffer {
    return this.#batch.slab.bytes
  }

  get table(): HeaderTable {
    return headersOf(this.#batch)
  }

  get runs(): readonly RowRun[] {
    return this.#batch.runs
  }

  get received(): number {
    return this.#batch.received
  }

  get now(): number {
    return this.#batch.received
  }

  writePriorities(into: Uint8Array): void {
    prioritiesOf(this.#batch, into)
  }
}
