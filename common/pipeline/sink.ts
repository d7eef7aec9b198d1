// The one verb of the pipeline. The promise is the acknowledgement; open writes are the brake (backpressure).

import type { Batch, Run } from './batch.ts'

/**
 * Takes batches. Writes are taken in call order and settle in that order for each stream. A promise that resolves
 * says "kept, as durably as this sink keeps"; a rejection rejects all later open writes of the same stream, and the
 * source reads again from its last settled position. A single message that cannot be taken is counted as dropped and
 * never a rejection. The batch may be read until the promise settles.
 */
export interface Sink {
  write(batch: Batch): Promise<void>
  /** Absent where nothing durable is behind it. */
  readonly streams?: StreamMarks | undefined
}

/** Positions of streams, kept by a sink that commits them in the same transaction as the data. */
export interface StreamMarks {
  /** How far each of these streams is stored; unknown ones are left out. Rejects, retryable, while that cannot be known. */
  marks(ids: readonly string[]): Promise<ReadonlyMap<string, number>>
  /** These streams have ended: their marks are kept for another week. */
  retire(ids: readonly string[]): Promise<void>
}

/** Ways through a destination that do not wait for each other. */
export interface Lanes {
  /** At least 2; one for each receiver. */
  readonly count: number
  /** A lane for each of these runs; always the same for a stream. */
  deal(runs: readonly Run[]): number[]
  /** `write`, past the dealing. */
  writeTo(lane: number, batch: Batch): Promise<void>
}

/** A sink with a life: opened once, written to, closed once. */
export interface Destination extends Sink {
  readonly name: string
  /** Resolves when it can take batches; rejects with a `Fault` when configuration or surroundings forbid it for good. */
  open(): Promise<void>
  /** Settles all open writes within the deadline, rejects what is left with `STOPPING`, and lets go of everything. */
  close(deadlineMs: number): Promise<void>
  /** Messages that it acknowledged, or will, although it had to drop them, and that it has counted as dropped. None where absent. */
  readonly dropped?: number
  /** Whether it counts what is stored itself, since what it acknowledges is still to be delivered (a spool). */
  readonly countsStored?: boolean
  /** Present if it deals out what it gets: a spool in front then keeps one stream for each lane. */
  readonly lanes?: Lanes | undefined
  /** Reopens what it writes to (SIGHUP: logrotate renamed it). */
  reopen?(): Promise<void>
}

/** Receives or reads messages and writes them to a sink. */
export interface Source {
  readonly name: string
  /** Opens ports, folders and files; rejects with a `Fault` that says what prevents it. */
  open(): Promise<void>
  /** Runs until `signal` aborts; resolves when every write it began has settled and everything is released. */
  run(sink: Sink, signal: AbortSignal): Promise<void>
  /** Reads again the files that it was opened with, which may have been replaced (SIGHUP: certificates). */
  reopen?(): Promise<void>
}
