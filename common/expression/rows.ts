// The input of a predicate: rows of byte ranges. A batch is one kind; the archive search builds another from decoded columns:
//
//   bytes    all decoded columns, one after another in one buffer
//   table    a HeaderTable whose ranges point into `bytes`; its times are the effective ones, so `received` is Infinity
//   runs     consecutive rows with the same peer and source, with an Origin from the dictionary of the block;
//            host and program are in the table, so that those of the origin are not used
//
// The ranges of MESSAGE ascend from row to row, so that a search passes through the buffer once. All other ranges may point
// anywhere; many rows may share a dictionary entry.

import { headersOf, prioritiesOf } from '../message/headers.ts'
import type { Batch, Origin } from '../pipeline/batch.ts'
import type { HeaderTable } from '../pipeline/header-table.ts'

export interface RowRun {
  readonly count: number
  readonly origin: Origin
  /** As in `Run`. */
  readonly received?: number
}

export interface Rows {
  readonly count: number
  readonly bytes: Buffer
  /** Used only by tests of more than the priority. */
  readonly table: HeaderTable
  readonly runs: readonly RowRun[]
  /** µs since the epoch: replaces the time of a message that has none, or one more than an hour ahead. */
  readonly received: number
  /** The time that `2h` and `today` are relative to, µs since the epoch. */
  readonly now: number
  /** Writes the priority of each row. If there is a table, implement it with `tablePriorities` of `message/headers.ts`. */
  writePriorities(into: Uint8Array): void
}

/** The rows of a batch. Headers are parsed when `table` is first used. */
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
