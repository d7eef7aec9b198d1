// Encodes a batch as a record (`record-layout.ts`).

import { crc32 } from 'node:zlib'
import type { Batch } from '../pipeline/batch.ts'
import type { GroupBuffer, SlabBytes } from './group-buffer.ts'
import type { MarkChange } from './live-marks.ts'
import { gatherOrigins } from '../pipeline/origin-bytes.ts'
import {
  CHANGE_BYTES,
  CHECKED_FROM,
  CRC_AT,
  GAP_MAX,
  HAS_DEFECTS,
  LENGTH_AT,
  LENGTH_BITS,
  RECORD_HEAD_BYTES,
  RECORD_MARKER,
  RUN_BYTES,
} from './record-layout.ts'

/** The parts of a batch that go into a record. */
export interface RecordContent extends Pick<Batch, 'bounds' | 'count' | 'received' | 'runs' | 'marks'> {
  readonly slab: SlabBytes
}

/** The content of a record that has changes of marks and no messages. */
export function newsOnly(received: number): RecordContent {
  return { slab: nothing, bounds: new Uint32Array(), count: 0, received, runs: [] }
}

const nothing = { bytes: Buffer.alloc(0), view: new DataView(new ArrayBuffer(0)) }

/** Appends one record to the buffer, which begins with its group. `position` is the one before its first message. */
export function writeRecord(
  batch: RecordContent,
  changes: readonly MarkChange[],
  position: number,
  salt: number,
  into: GroupBuffer,
): void {
  const start = into.length
  const { count, runs, received, marks } = batch
  const origins = gatherOrigins(runs)
  into.reserve(RECORD_HEAD_BYTES + RUN_BYTES * runs.length + CHANGE_BYTES * changes.length + origins.bytes + 8 * count)
  into.copy(RECORD_MARKER)
  into.u32(0)
  into.u32(0)
  into.u32(start)
  into.f64(position)
  into.f64(received)
  into.u32(count)
  into.u32(runs.length)
  into.u32(changes.length)
  into.u32(origins.bytes)
  into.u32(marks ? HAS_DEFECTS : 0)
  for (const run of runs) {
    into.u32(run.count)
    into.u32(origins.offsets.get(run.origin)!)
    into.f64(run.received ?? NaN)
  }
  for (const { id, position, kind, day } of changes) {
    into.id(id)
    into.f64(position)
    into.u32(kind)
    into.u32(day)
  }
  for (const origin of origins.encoded) into.copy(origin)
  if (marks) for (let i = 0; i < count; i += 1) into.u32(marks[i])
  writeMessages(batch, into)
  const length = into.length - start
  into.setU32(start + LENGTH_AT, length)
  into.setU32(start + CRC_AT, crc32(into.bytes.subarray(start + CHECKED_FROM, into.length), salt))
}

function writeMessages({ slab, bounds, count }: RecordContent, into: GroupBuffer): void {
  const boundsAt = into.length
  let previousEnd = 0
  for (let i = 0; i < count; i += 1) {
    const start = bounds[2 * i]
    const end = bounds[2 * i + 1]
    const gap = start - previousEnd
    const near = i > 0 && gap >= 0 && gap <= GAP_MAX
    into.u32(((near ? gap : 0) << LENGTH_BITS) | (end - start))
    previousEnd = end
  }
  for (let i = 0; i < count;) i = copyNear(slab, bounds, i, count, into)
  wipeGaps(into, boundsAt, count)
}

/** Copies message `i` and those that follow it with gaps of at most `GAP_MAX`; returns the index of the first one not copied. */
function copyNear(slab: SlabBytes, bounds: Uint32Array, i: number, count: number, into: GroupBuffer): number {
  const start = bounds[2 * i]
  let end = bounds[2 * i + 1]
  let next = i + 1
  for (; next < count; next += 1) {
    const gap = bounds[2 * next] - end
    if (gap < 0 || gap > GAP_MAX) break
    end = bounds[2 * next + 1]
  }
  into.reserve(end - start)
  into.range(slab, start, end)
  return next
}

// The bytes between two messages are framing, or a short message that no route selected, which must not be stored.
function wipeGaps({ bytes }: GroupBuffer, boundsAt: number, count: number): void {
  let at = boundsAt + 4 * count
  for (let i = 0; i < count; i += 1) {
    const bound = bytes.readUInt32LE(boundsAt + 4 * i)
    for (let gap = bound >>> LENGTH_BITS; gap > 0; gap -= 1) bytes[at++] = 0
    at += bound & ((1 << LENGTH_BITS) - 1)
  }
}
