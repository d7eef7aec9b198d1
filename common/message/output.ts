// A growing buffer for output lines, and the one loop that copies text into it.
//
// Copying is most of the cost of a line. Measured for 130 bytes: byte by byte 200 ns; `Buffer.copy` and
// `set(subarray)` 160 to 190 ns (for the call alone); two words at a time 52 ns, including the test for control
// bytes.

import type { Slab } from '../pipeline/slab.ts'

const FIRST_BYTES = 64 * 1024

export class Output {
  /** The bytes `[0, length)` have been written. The buffer is replaced when it grows. */
  bytes: Buffer
  length = 0
  #view: DataView

  constructor(bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)) {
    this.bytes = bytes
    this.#view = viewOf(bytes)
  }

  /** A view of the same memory as `bytes`, for reading four bytes at a time. */
  get view(): DataView {
    return this.#view
  }

  /** The written bytes. The memory still belongs to the output and is overwritten after `clear`. */
  get written(): Buffer {
    return this.bytes.subarray(0, this.length)
  }

  clear(): void {
    this.length = 0
  }

  /** Begins anew in this buffer. */
  use(bytes: Buffer): void {
    this.length = 0
    if (this.bytes === bytes) return
    this.bytes = bytes
    this.#view = viewOf(bytes)
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

  /** Appends a short text that the program itself produced: it is not checked for control bytes. */
  text(text: string): void {
    this.reserve(3 * text.length)
    this.length += this.bytes.write(text, this.length)
  }

  /** Appends a decimal integer, at least 0. */
  number(value: number): void {
    this.reserve(16)
    if (value >= 10) this.number(Math.floor(value / 10))
    this.bytes[this.length++] = 0x30 + (value % 10)
  }

  /** Appends a short text unchanged: for a few bytes a loop costs less than a call. */
  fixed(from: Uint8Array): void {
    this.reserve(from.length)
    const { bytes } = this
    let at = this.length
    for (let i = 0; i < from.length; i += 1) bytes[at++] = from[i]
    this.length = at
  }

  /** Appends many bytes unchanged. `fill` with the same length is a memcpy, also into shared memory. */
  block(from: Uint8Array): void {
    this.reserve(from.length)
    this.bytes.fill(from, this.length, this.length + from.length)
    this.length += from.length
  }

  /** Appends all of `from`, four bytes at a time; its length must be a multiple of four. */
  words(from: DataView): void {
    const count = from.byteLength
    this.reserve(count)
    const target = this.#view
    const at = this.length
    for (let i = 0; i < count; i += 4) target.setInt32(at + i, from.getInt32(i, true), true)
    this.length = at + count
  }

  /** Appends a short text from outside as part of one line, escaped like `line`. */
  lineText(from: Uint8Array): void {
    this.#escaped(from, 0, from.length)
  }

  /** Appends a short text as one word: spaces and control bytes become `_`, since they would end its column. */
  word(from: Uint8Array): void {
    this.reserve(from.length)
    for (let i = 0; i < from.length; i += 1) this.bytes[this.length++] = from[i] > SPACE ? from[i] : UNDERSCORE
  }

  /** Appends `[start, end)` of a slab, or of another buffer with its view, unchanged. */
  raw(from: Pick<Slab, 'bytes' | 'view'>, start: number, end: number): void {
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
   * Appends `[start, end)` of a slab as part of one line: LF, CR and NUL are written as `#012`, `#015` and `#000`, so
   * that a message cannot forge a line.
   */
  line(from: Slab, start: number, end: number): void {
    let i = start
    for (;;) {
      i = this.#cleanPart(from, i, end)
      if (i === end) return
      // A few bytes around the control byte are copied one by one; then the fast loop continues.
      const stop = Math.min(i + SLOW_BYTES, end)
      this.#escaped(from.bytes, i, stop)
      i = stop
    }
  }

  /**
   * Copies eight bytes at a time up to the first step with a byte below 0x0e; returns where it stopped. If fewer than
   * eight bytes are given, copies nothing.
   */
  #cleanPart(from: Slab, start: number, end: number): number {
    this.reserve(end - start)
    const source = from.view
    const target = this.#view
    const last = end - 8
    let at = this.length
    let i = start
    while (i < end) {
      if (i > last) {
        // The last partial step copies the last eight bytes, some of them for the second time.
        if (last < start) break
        at -= i - last
        i = last
      }
      const first = source.getInt32(i, true)
      const second = source.getInt32(i + 4, true)
      // The high bit of a byte is set in the result if that byte is below 0x0e, as NUL, LF, CR and also TAB are. The
      // byte above such a byte may be flagged too.
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
