// A growing buffer of numbers and bytes, and a reader for it. Numbers are varints: seven bits per byte, low bits first; the
// high bit is set on all bytes but the last.

import { copyBytes, viewOf } from './byte-ranges.ts'

const FIRST_BYTES = 4096
// Up to this length a loop is faster than the call of `Uint8Array.set`.
const LOOP_BYTES_MAX = 200

export class ByteWriter {
  bytes: Uint8Array = new Uint8Array(FIRST_BYTES)
  /** A view of `bytes`. */
  view: DataView = viewOf(this.bytes)
  length = 0

  get written(): Uint8Array {
    return this.bytes.subarray(0, this.length)
  }

  clear(): void {
    this.length = 0
  }

  /** Makes room for `count` more bytes. May replace `bytes` and `view`. */
  reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return
    let size = 2 * this.bytes.length
    while (size < this.length + count) size *= 2
    const larger = new Uint8Array(size)
    larger.set(this.written)
    this.bytes = larger
    this.view = viewOf(larger)
  }

  byte(value: number): void {
    if (this.length === this.bytes.length) this.reserve(1)
    this.bytes[this.length++] = value
  }

  zeros(count: number): void {
    this.reserve(count)
    this.bytes.fill(0, this.length, this.length + count)
    this.length += count
  }

  /** Appends an integer of at least 0: below 2^54 if it is even, below 2^53 otherwise. */
  varint(value: number): void {
    if (this.length + 10 > this.bytes.length) this.reserve(10)
    const { bytes } = this
    while (value >= 0x80) {
      if (value < 0x40000000) {
        bytes[this.length++] = 0x80 | (value & 0x7f)
        value >>>= 7
      } else {
        bytes[this.length++] = 0x80 | (value % 0x80)
        value = Math.floor(value / 0x80)
      }
    }
    bytes[this.length++] = value
  }

  /** Appends a signed integer of a magnitude below 2^53: 0, -1, 1, -2, 2 … are stored as 0, 1, 2, 3, 4 …. */
  zigzag(value: number): void {
    const magnitude = value < 0 ? -value : value
    if (magnitude < 0x40000000) {
      this.varint(value < 0 ? magnitude * 2 - 1 : magnitude * 2)
      return
    }
    // Twice the number might not be exact as a double. So the first byte takes the sign and the low six bits, and the rest is
    // written as a varint of its own, which gives the same bytes.
    const half = value < 0 ? magnitude - 1 : magnitude
    if (this.length + 10 > this.bytes.length) this.reserve(10)
    this.bytes[this.length++] = 0x80 | ((half % 0x40) * 2) | (value < 0 ? 1 : 0)
    this.varint(Math.floor(half / 0x40))
  }

  copy(from: DataView, start: number, end: number): void {
    const length = end - start
    this.reserve(length)
    if (length <= LOOP_BYTES_MAX) copyBytes(from, start, this.view, this.length, length)
    else this.bytes.set(new Uint8Array(from.buffer, from.byteOffset + start, length), this.length)
    this.length += length
  }
}

/** Reads what a `ByteWriter` has written. Its methods throw a RangeError where the bytes end too early. */
export class ByteReader {
  readonly #bytes: Uint8Array
  at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  varint(): number {
    const bytes = this.#bytes
    let byte = bytes[this.at++]
    if (byte < 0x80) return byte
    let value = byte & 0x7f
    let scale = 0x80
    do {
      byte = bytes[this.at++]
      if (byte === undefined) throw new RangeError('a column ends in the middle of a number')
      value += (byte & 0x7f) * scale
      scale *= 0x80
    } while (byte >= 0x80)
    return value
  }

  zigzag(): number {
    const bytes = this.#bytes
    const first = bytes[this.at++]
    if (first < 0x80) return (first & 1) === 1 ? -(first + 1) / 2 : first / 2
    const half = (first & 0x7f) >> 1
    const twice = half + 0x40 * this.varint()
    return (first & 1) === 1 ? -(twice + 1) : twice
  }

  /** The next `length` bytes, not copied. */
  take(length: number): Uint8Array {
    const start = this.at
    this.at += length
    if (this.at > this.#bytes.length) throw new RangeError('a column is shorter than it says')
    return this.#bytes.subarray(start, this.at)
  }
}
