// The messages between the archive destination and its worker thread.

import type { Origin, StreamRange } from '../../common/pipeline/batch.ts'
import type { FaultCode } from '../../common/fault-codes.ts'
import type { PartName } from './schema.ts'

/** What the worker thread is started with (`workerData`). */
export interface WorkerData {
  readonly folder: string
  /** Random number of this process: a restarted worker recognises what an earlier worker of the same process has stored. */
  readonly instance: number
  /** A file of this size is followed by the next one. */
  readonly partBytesMax: number
  /** All parts, oldest first. */
  readonly parts: readonly PartName[]
  /** Older parts that are still in WAL mode. */
  readonly unsealed: readonly PartName[]
}

/** An `Origin` in a form that can be posted to another thread. */
export interface OriginData {
  readonly source: string
  readonly peer: string | undefined
  readonly lines: Origin['lines']
  readonly zone: string
  readonly host: Uint8Array
  readonly hostForced: boolean
  readonly program: Uint8Array
  readonly priority: number
}

export interface RunData {
  readonly count: number
  /** Number of an origin that was posted before. */
  readonly origin: number
  readonly received: number | undefined
  readonly stream: StreamRange | undefined
}

/** Streams that have ended, and whose marks therefore expire sooner. */
export interface StreamChange {
  /** When they ended, µs since the epoch. */
  readonly at: number
  readonly ends: readonly string[]
}

/** A batch: bytes `[byteOffset, byteOffset + length)` of `buffer` are its slab, which is shared, not copied. */
export interface WriteData {
  readonly id: number
  readonly buffer: ArrayBufferLike
  readonly byteOffset: number
  readonly length: number
  readonly bounds: Uint32Array
  readonly count: number
  readonly received: number
  readonly runs: readonly RunData[]
  readonly marks: Uint32Array | undefined
}

export type ToWorker =
  /** Defines an origin's number. `first`: all numbers defined before are forgotten. */
  | { readonly kind: 'origin'; readonly number: number; readonly first: boolean; readonly origin: OriginData }
  | ({ readonly kind: 'write' } & WriteData)
  /** Committed and settled like a write, in call order with the writes. */
  | ({ readonly kind: 'streams'; readonly id: number } & StreamChange)
  /** Answered with `marks`. */
  | { readonly kind: 'marks'; readonly streams: readonly string[] }
  /** Retry sealing parts that could not be sealed because a reader had them open. `parts`: those that still exist. Not answered. */
  | { readonly kind: 'seal'; readonly parts: readonly PartName[] }
  /** Commit all waiting writes, then close the file; answered with `closed`. */
  | { readonly kind: 'close' }
  /** End the thread after the current commit, even if writes are waiting. */
  | { readonly kind: 'stop' }

export type FromWorker =
  /** The archive is open. Writes of this instance with an id up to `settled` are already stored. */
  | { readonly kind: 'opened'; readonly settled: number }
  /** A commit succeeded. */
  | {
      readonly kind: 'settled'
      readonly ids: readonly number[]
      readonly repeats: number
      /** By write id, only for writes that have defects: one bit mask per message (`message/defects.ts`). */
      readonly defects: ReadonlyMap<number, Uint32Array>
    }
  /** How far those of the streams are stored that are known. */
  | { readonly kind: 'marks'; readonly positions: ReadonlyMap<string, number> }
  /** A commit or a merge failed; it is retried after `waitMs`. */
  | { readonly kind: 'trouble'; readonly code: FaultCode; readonly detail: string; readonly waitMs: number }
  /** A warning for the log. */
  | { readonly kind: 'warning'; readonly text: string; readonly values: object }
  | { readonly kind: 'closed' }
