// Looking for a text in a range of bytes: Horspool's search. The byte under the needle's end says how far the needle
// may move, so a long needle looks at few bytes.

import { foldAscii } from './fold.ts'

export class Substring {
  readonly #needle: Uint8Array
  /** For each byte under the needle's end: how far to go on. */
  readonly #skip: Uint32Array
  readonly #ignoreCase: boolean

  /** Without case only for ASCII letters; give other needles to the regular expressions. */
  constructor(needle: Uint8Array, ignoreCase: boolean) {
    this.#needle = ignoreCase ? needle.map((byte) => foldAscii[byte]) : needle
    this.#ignoreCase = ignoreCase
    const length = needle.length
    this.#skip = new Uint32Array(256).fill(length)
    for (let byte = 0; byte < 256; byte += 1) {
      const last = this.#needle.subarray(0, length - 1).lastIndexOf(ignoreCase ? foldAscii[byte] : byte)
      if (last >= 0) this.#skip[byte] = length - 1 - last
    }
  }

  /** Whether the text stands in `[start, end)`. */
  test(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#ignoreCase ? this.#findWithoutCase(bytes, start, end) : this.#find(bytes, start, end)
  }

  #find(bytes: Uint8Array, start: number, end: number): boolean {
    const needle = this.#needle
    const skip = this.#skip
    const last = needle.length - 1
    if (last < 0) return true
    const lastByte = needle[last]
    let at = start + last
    while (at < end) {
      const byte = bytes[at]
      if (byte === lastByte) {
        let back = 1
        while (back <= last && bytes[at - back] === needle[last - back]) back += 1
        if (back > last) return true
      }
      at += skip[byte]
    }
    return false
  }

  #findWithoutCase(bytes: Uint8Array, start: number, end: number): boolean {
    const needle = this.#needle
    const skip = this.#skip
    const last = needle.length - 1
    if (last < 0) return true
    const lastByte = needle[last]
    let at = start + last
    while (at < end) {
      const byte = bytes[at]
      if (foldAscii[byte] === lastByte) {
        let back = 1
        while (back <= last && foldAscii[bytes[at - back]] === needle[last - back]) back += 1
        if (back > last) return true
      }
      at += skip[byte]
    }
    return false
  }
}
