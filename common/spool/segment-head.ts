// The head of a segment: the stream it belongs to, the position where it begins, and how far every incoming stream was stored
// by then, so that the segments before it can be removed.
//
//    0  8  "SLUICESP"
//    8  4  version of the format: 1
//   12  4  length of the whole head in bytes
//   16  4  CRC-32 of everything after this field
//   20  4  count of marks
//   24 16  id of the spool's stream
//   40  8  position before its first message
//   48  8  position after the last message of the segment before it
//   56  8  when it was made, µs since the epoch
//   64     marks, 32 bytes each:  0 16 id of the incoming stream
//                                16  8 position up to which it is stored
//                                24  4 day of the last change, days since the epoch
//                                28  4 1 if the stream has ended, else 0

import { crc32 } from 'node:zlib'
import type { DiskFile } from '../disk.ts'
import { readFully } from '../read-fully.ts'
import type { LiveMark } from './live-marks.ts'
import type { GroupBuffer } from './group-buffer.ts'

const HEAD_BYTES = 64
const MARK_BYTES = 32
const MAGIC = Buffer.from('SLUICESP', 'latin1')
const VERSION = 1
const CHECKED_FROM = 20
// Larger than any head that is written. A longer one is damage, and must not make the reader allocate that much.
const HEAD_BYTES_MAX = 16 * 1024 * 1024

export interface SegmentHead {
  readonly stream: string
  readonly first: number
  /** Position at which the segment before it ended; less than `first` if the program was started in between. */
  readonly previousEnd: number
  /** µs since the epoch. */
  readonly made: number
  readonly marks: ReadonlyMap<string, LiveMark>
}

/** Length of a head in bytes. */
export function headBytes({ marks }: SegmentHead): number {
  return HEAD_BYTES + MARK_BYTES * marks.size
}

/** Writes a head at the beginning of an empty buffer. */
export function writeHead(head: SegmentHead, into: GroupBuffer): void {
  const bytes = headBytes(head)
  into.reserve(bytes)
  into.copy(MAGIC)
  into.u32(VERSION)
  into.u32(bytes)
  into.u32(0)
  into.u32(head.marks.size)
  into.id(head.stream)
  into.f64(head.first)
  into.f64(head.previousEnd)
  into.f64(head.made)
  for (const [id, { position, day, retired }] of head.marks) {
    into.id(id)
    into.f64(position)
    into.u32(day)
    into.u32(retired ? 1 : 0)
  }
  into.setU32(16, crc32(into.bytes.subarray(CHECKED_FROM, bytes)))
}

/** Length of the head that begins with `bytes`; undefined if these are not the first `HEAD_BYTES` of a head. */
function headLength(bytes: Buffer): number | undefined {
  if (bytes.length < HEAD_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined
  const length = bytes.readUInt32LE(12)
  if (bytes.readUInt32LE(8) !== VERSION || length < HEAD_BYTES || length > HEAD_BYTES_MAX) return undefined
  return length
}

function readHead(bytes: Buffer): SegmentHead | undefined {
  const length = headLength(bytes)
  if (length === undefined || bytes.length < length) return undefined
  if (crc32(bytes.subarray(CHECKED_FROM, length)) !== bytes.readUInt32LE(16)) return undefined
  const marks = new Map<string, LiveMark>()
  for (let at = HEAD_BYTES; at + MARK_BYTES <= length; at += MARK_BYTES) {
    marks.set(bytes.toString('hex', at, at + 16), {
      position: bytes.readDoubleLE(at + 16),
      day: bytes.readUInt32LE(at + 24),
      retired: bytes.readUInt32LE(at + 28) === 1,
    })
  }
  return {
    stream: bytes.toString('hex', 24, 40),
    first: bytes.readDoubleLE(40),
    previousEnd: bytes.readDoubleLE(48),
    made: bytes.readDoubleLE(56),
    marks,
  }
}

/** Reads the head of a segment; undefined if it is damaged or torn. */
export async function readHeadOf(file: DiskFile): Promise<SegmentHead | undefined> {
  const fixed = await readFully(file, 0, HEAD_BYTES)
  const length = headLength(fixed)
  return length === undefined ? undefined : readHead(await readFully(file, 0, length))
}
