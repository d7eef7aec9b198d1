// Decodes a record (`record-layout.ts`) as a batch. The messages are not copied: they stay in the slab that they were read into.

import { releaseBatch, selectMessages, type Batch, type Run } from '../pipeline/batch.ts'
import type { Slab } from '../pipeline/slab.ts'
import type { MarkChange } from './live-marks.ts'
import type { OriginReader } from '../pipeline/origin-bytes.ts'
import {
  CHANGES_AT,
  CHANGE_BYTES,
  COUNT_AT,
  FLAGS_AT,
  GROUP_AT,
  HAS_DEFECTS,
  LENGTH_BITS,
  ORIGINS_AT,
  POSITION_AT,
  RECEIVED_AT,
  RECORD_HEAD_BYTES,
  RUNS_AT,
  RUN_BYTES,
} from './record-layout.ts'

/** Fields of the fixed part of a record. */
export interface RecordFacts {
  readonly position: number
  readonly count: number
  /** µs since the epoch. */
  readonly received: number
  /** Bytes from the start of its group to this record. */
  readonly behindGroup: number
}

export function recordFacts(bytes: Buffer, at: number): RecordFacts {
  return {
    position: bytes.readDoubleLE(at + POSITION_AT),
    count: bytes.readUInt32LE(at + COUNT_AT),
    received: bytes.readDoubleLE(at + RECEIVED_AT),
    behindGroup: bytes.readUInt32LE(at + GROUP_AT),
  }
}

/** The changes of marks of the record at `at`. */
export function recordChanges(bytes: Buffer, at: number): MarkChange[] {
  const changes: MarkChange[] = []
  const count = bytes.readUInt32LE(at + CHANGES_AT)
  let change = at + RECORD_HEAD_BYTES + RUN_BYTES * bytes.readUInt32LE(at + RUNS_AT)
  for (let i = 0; i < count; i += 1, change += CHANGE_BYTES) {
    changes.push({
      id: bytes.toString('hex', change, change + 16),
      position: bytes.readDoubleLE(change + 16),
      kind: bytes.readUInt32LE(change + 24),
      day: bytes.readUInt32LE(change + 28),
    })
  }
  return changes
}

/**
 * The messages of the record at offset `at` of the slab, as a batch that retains the slab. Its runs belong to `stream`, one
 * position per message.
 */
export function readBatch(slab: Slab, at: number, stream: string, origins: OriginReader): Batch {
  const { bytes, view } = slab
  const count = bytes.readUInt32LE(at + COUNT_AT)
  const position = bytes.readDoubleLE(at + POSITION_AT)
  const runsAt = at + RECORD_HEAD_BYTES
  const runCount = bytes.readUInt32LE(at + RUNS_AT)
  const originsAt = runsAt + RUN_BYTES * runCount + CHANGE_BYTES * bytes.readUInt32LE(at + CHANGES_AT)
  const defectsAt = originsAt + bytes.readUInt32LE(at + ORIGINS_AT)
  const hasDefects = (bytes.readUInt32LE(at + FLAGS_AT) & HAS_DEFECTS) !== 0
  const boundsAt = hasDefects ? defectsAt + 4 * count : defectsAt

  const bounds = new Uint32Array(2 * count)
  const ends = new Uint32Array(count)
  let next = boundsAt + 4 * count
  for (let i = 0; i < count; i += 1) {
    const bound = view.getUint32(boundsAt + 4 * i, true)
    next += bound >>> LENGTH_BITS
    bounds[2 * i] = next
    next += bound & ((1 << LENGTH_BITS) - 1)
    bounds[2 * i + 1] = next
    ends[i] = i + 1
  }

  const runs: Run[] = []
  let from = position
  for (let i = 0, run = runsAt; i < runCount; i += 1, run += RUN_BYTES) {
    const count = bytes.readUInt32LE(run)
    const origin = origins.read(bytes, originsAt + bytes.readUInt32LE(run + 4))
    const received = bytes.readDoubleLE(run + 8)
    const range = { id: stream, from, to: from + count, ends: ends.subarray(0, count) }
    if (count > 0) runs.push({ count, origin, ...(!Number.isNaN(received) && { received }), stream: range })
    from += count
  }
  const received = bytes.readDoubleLE(at + RECEIVED_AT)
  slab.retain()
  const batch = { slab, bounds, count, received, runs }
  return hasDefects ? { ...batch, marks: readDefects(view, defectsAt, count) } : batch
}

/**
 * Like `readBatch`, but only the messages after position `mark`. The mark of a receiver may lie within a record; if the messages
 * before it were sent to another receiver, two receivers would have them.
 */
export function readBehind(mark: number, slab: Slab, at: number, stream: string, origins: OriginReader): Batch {
  const batch = readBatch(slab, at, stream, origins)
  const known = mark - recordFacts(slab.bytes, at).position
  if (known <= 0) return batch
  const rest = selectMessages(batch, new Uint8Array(batch.count).fill(1, known))
  releaseBatch(batch)
  return rest
}

function readDefects(view: DataView, at: number, count: number): Uint32Array {
  const defects = new Uint32Array(count)
  for (let i = 0; i < count; i += 1) defects[i] = view.getUint32(at + 4 * i, true)
  return defects
}
