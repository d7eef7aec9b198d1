// The interfaces of the pipeline. `write` is its one operation: the promise is the acknowledgement, and open writes
// are the backpressure.

import type { Batch, Run } from './batch.ts'

/**
 * Takes batches. Writes are taken in call order and settle in that order for each stream. A resolved promise means
 * "stored, as durably as this sink stores". A rejection also rejects all later open writes of the same stream, and
 * the source reads again from its last settled position. A single message that cannot be stored is counted as
 * dropped, and is never a rejection. The sink may read the batch until the promise settles.
 */
export interface Sink {
  write(batch: Batch): Promise<void>
  /** Absent if the sink stores nothing durably. */
  readonly streams?: StreamMarks | undefined
}

/** Positions of streams, kept by a sink that commits them in the same transaction as the data. */
export interface StreamMarks {
  /**
   * How far each of these streams is stored; unknown streams are left out. Rejects with a retryable fault while that
   * cannot be determined.
   */
  marks(ids: readonly string[]): Promise<ReadonlyMap<string, number>>
  /** Tells the sink that these streams have ended: their marks are kept for another week. */
  retire(ids: readonly string[]): Promise<void>
}

/** Independent ways through a destination, one per receiver: a lane does not wait for another. */
export interface Lanes {
  /** The number of lanes, one per receiver; at least 2. */
  readonly count: number
  /** Assigns a lane to each of these runs; a stream always gets the same lane. */
  assign(runs: readonly Run[]): number[]
  /** Writes to one lane, bypassing `assign`. */
  writeTo(lane: number, batch: Batch): Promise<void>
}

/** A sink with a lifecycle: opened once, written to, closed once. */
export interface Destination extends Sink {
  readonly name: string
  /**
   * Resolves when it can take batches. Rejects with a `Fault` if its configuration or environment rules that out for
   * good.
   */
  open(): Promise<void>
  /**
   * Waits up to the deadline for open writes, rejects the remaining ones with `STOPPING`, and releases all resources.
   */
  close(deadlineMs: number): Promise<void>
  /**
   * Number of messages that it acknowledged, or will acknowledge, although it dropped them; it has counted them as
   * dropped itself. Absent if it drops none.
   */
  readonly dropped?: number
  /** Whether it counts stored messages itself, since acknowledged ones are still to be delivered (a spool). */
  readonly countsStored?: boolean
  /**
   * Present if it distributes its input over several receivers: then a spool in front of it keeps one stream for each
   * lane.
   */
  readonly lanes?: Lanes | undefined
  /** Reopens its output (on SIGHUP: logrotate has renamed it). */
  reopen?(): Promise<void>
}

/** Receives or reads messages and writes them to a sink. */
export interface Source {
  readonly name: string
  /** Opens ports, folders and files; rejects with a `Fault` that says what prevents it. */
  open(): Promise<void>
  /** Runs until `signal` aborts. Resolves when every write that it began has settled and all resources are released. */
  run(sink: Sink, signal: AbortSignal): Promise<void>
  /** Rereads files that it read at `open` and that may have been replaced (on SIGHUP: certificates). */
  reopen?(): Promise<void>
}
