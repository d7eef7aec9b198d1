// What is stored ends in a CRC-32, or is a frame of zstd, which has a hash. SQLite has no checksums: of a bit that the disk has turned
// nobody would know, and a search would find what nobody has sent, or pass over what somebody has.
//
//   bytes … │ CRC-32, little-endian        without it: stored by a version that wrote none
//
// A MiB takes the CRC-32 of zlib about a millisecond, and the hash of zstd a tenth of that.

import { crc32 } from 'node:zlib'

const SUM_BYTES = 4

/** The bytes, one behind another, and a checksum of some of them. */
export function summed(bytes: readonly Uint8Array[], checked: readonly Uint8Array[] = bytes): Buffer {
  const sum = Buffer.alloc(SUM_BYTES)
  sum.writeUInt32LE(checksumOf(checked))
  return Buffer.concat([...bytes, sum])
}

/** Whether the blob has so many bytes, and behind them the checksum of `checked`. */
export function isWhole(blob: Uint8Array, bytes: number, checked = [blob.subarray(0, bytes)]): boolean {
  if (blob.length === bytes) return true
  if (blob.length !== bytes + SUM_BYTES) return false
  return checksumOf(checked) === new DataView(blob.buffer, blob.byteOffset).getUint32(bytes, true)
}

// A row of `block` says of its block what a search asks first, and what it says has to be checked before the block is passed over: so the
// row has a checksum of its numbers in itself, above the low byte of its level. 0 there: stored by a version that wrote none.

/** The columns that are checked, in this order. */
export interface BlockNumbers {
  readonly first: number
  readonly count: number
  readonly raw_bytes: number
  readonly time_min: number
  readonly time_max: number
  readonly received_min: number
  readonly received_max: number
  readonly severities: number
  readonly facilities: number
}

const LEVELS = 256

/** A block's level with the checksum of its row. */
export function summedLevel(level: number, numbers: BlockNumbers): number {
  return level + LEVELS * sumOf(level, numbers)
}

/** Whether a row has the numbers that were stored; `level` as it stands in it. */
export function isRowWhole(level: number, numbers: BlockNumbers): boolean {
  return level < LEVELS || level === summedLevel(level % LEVELS, numbers)
}

function sumOf(level: number, row: BlockNumbers): number {
  const { first, count, raw_bytes, time_min, time_max, received_min, received_max, severities, facilities } = row
  const bytes = Buffer.alloc(10 * Float64Array.BYTES_PER_ELEMENT)
  const numbers = [level, first, count, raw_bytes, time_min, time_max, received_min, received_max, severities]
  // SQLite stores -0 as 0.
  for (const [i, number] of [...numbers, facilities].entries()) bytes.writeDoubleLE(number + 0, 8 * i)
  return checksumOf([bytes])
}

// Of no bytes zlib gives 0, whatever came before.
function checksumOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((crc, part) => (part.length === 0 ? crc : crc32(part, crc)), 0)
}
