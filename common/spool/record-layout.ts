// A record: one batch, or news of streams.
//
//    0  4  "SPR1"
//    4  4  bytes of the record, from its first to its last
//    8  4  CRC-32 of everything behind this field, begun with the CRC-32 of the stream's id
//   12  4  bytes from the start of its group to this record
//   16  8  position before its first message
//   24  8  when the batch was received, µs since the epoch
//   32  4  messages
//   36  4  runs
//   40  4  changes of marks
//   44  4  bytes of origins
//   48  4  bit 0: there are defects
//   52     runs, 16 each:      0  4 messages   4  4 where its origin begins   8  8 first receipt, µs; NaN for the batch's
//          changes, 32 each:   0 16 id of the incoming stream   16  8 position   24  4 kind   28  4 day
//          origins
//          defects, 4 for each message
//          bounds, 4 for each message: 28 bits of length, above them 4 bits of how many bytes lie before it
//          the messages
//
// Messages lie as they lay in their slab, so that most of a batch is copied at once: bytes of framing between them, up to
// 15, come along as zeros. Measured for messages of 151 bytes, 1 byte apart: 8 ns a message, against 100 ns copied one by one.
//
// A message may hold the bytes of a record. After damage the next record is searched for, and a sender must not be able to
// plant one: he would have to know the stream's id.

import { crc32 } from 'node:zlib'

export const RECORD_MARKER = Buffer.from('SPR1', 'latin1')
export const RECORD_HEAD_BYTES = 52
export const CHECKED_FROM = 12
export const RUN_BYTES = 16
export const CHANGE_BYTES = 32
export const LENGTH_AT = 4
export const CRC_AT = 8
export const GROUP_AT = 12
export const POSITION_AT = 16
export const RECEIVED_AT = 24
export const COUNT_AT = 32
export const RUNS_AT = 36
export const CHANGES_AT = 40
export const ORIGINS_AT = 44
export const FLAGS_AT = 48
export const HAS_DEFECTS = 1
export const GAP_MAX = 15
export const LENGTH_BITS = 28

/** What the CRC-32 of a stream's records begins with. */
export function saltOf(stream: string): number {
  return crc32(Buffer.from(stream, 'hex'))
}

export const DAMAGED = 0

/**
 * The length of the record at `at`, if it is whole and right; `DAMAGED` where it is none; else, negative, how many bytes
 * it needs where `bytes` ends before it does.
 */
export function recordLength(bytes: Buffer, at: number, end: number, salt: number): number {
  if (end - at < RECORD_HEAD_BYTES) return -RECORD_HEAD_BYTES
  if (bytes.compare(RECORD_MARKER, 0, 4, at, at + 4) !== 0) return DAMAGED
  const length = bytes.readUInt32LE(at + LENGTH_AT)
  if (length < RECORD_HEAD_BYTES) return DAMAGED
  if (end - at < length) return -length
  return crc32(bytes.subarray(at + CHECKED_FROM, at + length), salt) === bytes.readUInt32LE(at + CRC_AT)
    ? length
    : DAMAGED
}
