// A growing buffer that lines are written to, and the one loop that copies text into it.
//
// Copying is most of what a line costs. Measured for 130 bytes on this loop's machine: byte by byte 200 ns,
// `Buffer.copy` and `set(subarray)` 160 to 190 ns (their call alone), two words at a time 52 ns, with the test for
// control bytes in the same step.

import type { Slab } from '../pipeline/slab.ts'

const FIRST_BYTES = 64 * 1024

export class Output {
  /** `[0, length)` is written. Replaced when it grows. */
  bytes: Buffer
  length = 0
  #view: DataView

  constructor(bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)) {
    this.bytes = bytes
    this.#view = viewOf(bytes)
  }

  /** The same memory as `bytes`, for reading four at a time. */
  get view(): DataView {
    return this.#view
  }

  /** What was written. The memory stays the output's: it is overwritten after `clear`. */
  get written(): Buffer {
    return this.bytes.subarray(0, this.length)
  }

  clear(): void {
    this.length = 0
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return
    let size = 2 * this.bytes.length
    while (size < this.length + count) size *= 2
    const larger = Buffer.allocUnsafeSlow(size)
    larger.set(this.written)
    this.bytes = larger
    this.#view = viewOf(larger)
  }

  byte(value: number): void {
    this.reserve(1)
    this.bytes[this.length++] = value
  }

  /** Small texts that the program itself made: no control bytes. */
  text(text: string): void {
    this.reserve(3 * text.length)
    this.length += this.bytes.write(text, this.length)
  }

  /** A decimal number, at least 0. */
  number(value: number): void {
    this.reserve(16)
    if (value >= 10) this.number(Math.floor(value / 10))
    this.bytes[this.length++] = 0x30 + (value % 10)
  }

  /** A short text as it is: a few bytes, where a call would cost more than the loop. */
  fixed(from: Uint8Array): void {
    this.reserve(from.length)
    const { bytes } = this
    let at = this.length
    for (let i = 0; i < from.length; i += 1) bytes[at++] = from[i]
    this.length = at
  }

  /** Many bytes as they are. `fill` of the same length is memcpy, also into memory that threads share. */
  block(from: Uint8Array): void {
    this.reserve(from.length)
    this.bytes.fill(from, this.length, this.length + from.length)
    this.length += from.length
  }

  /** All of `from`, four bytes at a time: its length is a multiple of four. */
  words(from: DataView): void {
    const count = from.byteLength
    this.reserve(count)
    const target = this.#view
    const at = this.length
    for (let i = 0; i < count; i += 4) target.setInt32(at + i, from.getInt32(i, true), true)
    this.length = at + count
  }

  /** A short text that came from outside, as part of one line: escaped as `line` does. */
  lineText(from: Uint8Array): void {
    this.#escaped(from, 0, from.length)
  }

  /** A short text as one word: blanks and control bytes would end the column that it stands in. */
  word(from: Uint8Array): void {
    this.reserve(from.length)
    for (let i = 0; i < from.length; i += 1) this.bytes[this.length++] = from[i] > SPACE ? from[i] : UNDERSCORE
  }

  /** `[start, end)` of a slab as it is. */
  raw(from: Slab, start: number, end: number): void {
    this.reserve(end - start)
    const source = from.view
    const target = this.#view
    let at = this.length
    let i = start
    for (const last = end - 8; i <= last; i += 8, at += 8) {
      target.setInt32(at, source.getInt32(i, true), true)
      target.setInt32(at + 4, source.getInt32(i + 4, true), true)
    }
    const { bytes } = this
    for (const rest = from.bytes; i < end; i += 1, at += 1) bytes[at] = rest[i]
    this.length = at
  }

  /**
   * `[start, end)` of a slab as part of one line: LF, CR and NUL are written `#012`, `#015` and `#000`, so that nobody who
   * writes a message can forge a line.
   */
  line(from: Slab, start: number, end: number): void {
    let i = start
    for (;;) {
      i = this.#cleanPart(from, i, end)
      if (i === end) return
      // Around what stopped it, byte by byte; then fast again.
      const stop = Math.min(i + SLOW_BYTES, end)
      this.#escaped(from.bytes, i, stop)
      i = stop
    }
  }

  /** Copies up to the first word with a byte below 0x0e, or to the end; returns where. Fewer than eight bytes are left. */
  #cleanPart(from: Slab, start: number, end: number): number {
    this.reserve(end - start)
    const source = from.view
    const target = this.#view
    const last = end - 8
    let at = this.length
    let i = start
    while (i < end) {
      if (i > last) {
        // The end is copied as the last eight bytes once more.
        if (last < start) break
        at -= i - last
        i = last
      }
      const first = source.getInt32(i, true)
      const second = source.getInt32(i + 4, true)
      // The high bit of a byte is set in the sum where that byte is below 0x0e: NUL, LF and CR are, and the tab. A byte
      // above such a one may be flagged too.
      const low = ((first - 0x0e0e0e0e) & ~first) | ((second - 0x0e0e0e0e) & ~second)
      if ((low & 0x80808080) !== 0) break
      target.setInt32(at, first, true)
      target.setInt32(at + 4, second, true)
      i += 8
      at += 8
    }
    this.length = at
    return i
  }

  #escaped(from: Uint8Array, start: number, end: number): void {
    this.reserve(4 * (end - start))
    const { bytes } = this
    let at = this.length
    for (let i = start; i < end; i += 1) {
      const byte = from[i]
      if (byte > CR || (byte !== LF && byte !== CR && byte !== NUL)) {
        bytes[at++] = byte
        continue
      }
      bytes[at++] = HASH
      bytes[at++] = ZERO
      bytes[at++] = ZERO + (byte >> 3)
      bytes[at++] = ZERO + (byte & 7)
    }
    this.length = at
  }
}

const NUL = 0x00
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const HASH = 0x23
const ZERO = 0x30
const UNDERSCORE = 0x5f
const SLOW_BYTES = 16

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}
