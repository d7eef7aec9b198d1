// Checksums of an archive's blobs and rows. SQLite has none, so without them a bit that the disk has flipped would go unnoticed: a
// search would find messages that nobody sent, or miss some. Everything that is stored is covered by a CRC-32 at the end of its
// blob, or is in a zstd frame, which has a hash of its own.
//
//   bytes … │ CRC-32, little-endian        a blob without it was stored by a version that wrote none
//
// One MiB takes zlib's CRC-32 about a millisecond, and the hash of zstd a tenth of that.

import { crc32 } from 'node:zlib'

const SUM_BYTES = 4

/** Concatenates `bytes` and appends the CRC-32 of `checked`, by default of all of them. */
export function summed(bytes: readonly Uint8Array[], checked: readonly Uint8Array[] = bytes): Buffer {
  const sum = Buffer.alloc(SUM_BYTES)
  sum.writeUInt32LE(checksumOf(checked))
  return Buffer.concat([...bytes, sum])
}

/** Whether the blob consists of `bytes` bytes and the correct checksum of `checked`; true also if it has no checksum. */
export function isWhole(blob: Uint8Array, bytes: number, checked = [blob.subarray(0, bytes)]): boolean {
  if (blob.length === bytes) return true
  if (blob.length !== bytes + SUM_BYTES) return false
  return checksumOf(checked) === new DataView(blob.buffer, blob.byteOffset).getUint32(bytes, true)
}

// A search rules blocks out by the numbers in their rows of the table `block`, so these have to be verified first. The row therefore
// contains a checksum of its own numbers, in the bits of `level` above the low byte. 0 in these bits: the row was stored by a version
// that wrote none.

/** The columns of `block` that the checksum covers after `level`, in this order. */
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

/** The value to store in the column `level`: the level, and above its low byte the checksum of the row. */
export function summedLevel(level: number, numbers: BlockNumbers): number {
  return level + LEVELS * sumOf(level, numbers)
}

/** Whether a row's checksum is correct, or it has none; `level` is the stored value. */
export function isRowWhole(level: number, numbers: BlockNumbers): boolean {
  return level < LEVELS || level === summedLevel(level % LEVELS, numbers)
}

function sumOf(level: number, row: BlockNumbers): number {
  const { first, count, raw_bytes, time_min, time_max, received_min, received_max, severities, facilities } = row
  const bytes = Buffer.alloc(10 * Float64Array.BYTES_PER_ELEMENT)
  const numbers = [level, first, count, raw_bytes, time_min, time_max, received_min, received_max, severities]
  // `+ 0` turns -0 into 0, which is what SQLite stores.
  for (const [i, number] of [...numbers, facilities].entries()) bytes.writeDoubleLE(number + 0, 8 * i)
  return checksumOf([bytes])
}

// Empty parts are skipped, since zlib's crc32 of no bytes returns 0 instead of the CRC so far.
function checksumOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((crc, part) => (part.length === 0 ? crc : crc32(part, crc)), 0)
}
