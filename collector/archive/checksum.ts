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

// Of no bytes zlib gives 0, whatever came before.
function checksumOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((crc, part) => (part.length === 0 ? crc : crc32(part, crc)), 0)
}
