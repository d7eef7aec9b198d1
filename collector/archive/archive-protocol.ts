// What the archive destination and its worker tell each other.

import type { Origin, StreamRange } from '../../common/pipeline/batch.ts'
import type { FaultCode } from '../../common/fault-codes.ts'
import type { PartName } from './schema.ts'

/** `workerData`. */
export interface WorkerData {
  readonly folder: string
  /** Of this process, so that a worker knows what one before it has stored for the same. */
  readonly instance: number
  /** In the order of intake. */
  readonly parts: readonly PartName[]
  /** Older parts that are still in WAL mode. */
  readonly unsealed: readonly PartName[]
}

/** An `Origin` without what cannot be cloned. */
export interface OriginData {
  readonly source: string
  readonly peer: string | undefined
  readonly lines: Origin['lines']
  readonly zone: string
  readonly host: Uint8Array
  readonly hostForced: boolean
  readonly program: Uint8Array
  readonly priority: number
  readonly received: number | undefined
}

export interface RunData {
  readonly count: number
  /** Number of an origin told before. */
  readonly origin: number
  readonly stream: StreamRange | undefined
}

/** Streams that are over. */
export interface StreamChange {
  /** µs since the epoch. */
  readonly at: number
  readonly ends: readonly string[]
}

/** A batch: its slab is shared, not copied. */
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
  /** `first`: numbers told before mean nothing any more. */
  | { readonly kind: 'origin'; readonly number: number; readonly first: boolean; readonly origin: OriginData }
  | ({ readonly kind: 'write' } & WriteData)
  /** Settled like a write, in its order. */
  | ({ readonly kind: 'streams'; readonly id: number } & StreamChange)
  | { readonly kind: 'marks'; readonly id: number; readonly streams: readonly string[] }
  /** Seal what was being read when it should have been, of the parts that there are. Not answered. */
  | { readonly kind: 'seal'; readonly parts: readonly PartName[] }
  /** Commit what there is, and let go of the file. */
  | { readonly kind: 'close' }
  /** End between two commits, whatever waits. */
  | { readonly kind: 'stop' }

export type FromWorker =
  /** Up to `settled` the writes of this instance are stored. */
  | { readonly kind: 'opened'; readonly settled: number }
  | {
      readonly kind: 'settled'
      readonly ids: readonly number[]
      readonly stored: number
      readonly repeats: number
      /** By id, for writes with defects: a bit mask for each message. */
      readonly defects: ReadonlyMap<number, Uint32Array>
    }
  | { readonly kind: 'marks'; readonly id: number; readonly positions: ReadonlyMap<string, number> }
  | { readonly kind: 'trouble'; readonly code: FaultCode; readonly detail: string; readonly waitMs: number }
  | { readonly kind: 'said'; readonly text: string; readonly values: object }
  | { readonly kind: 'closed' }
