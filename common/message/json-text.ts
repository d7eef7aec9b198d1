// Text inside a JSON string (RFC 8259 §7): `"`, `\` and control bytes are escaped as JSON.stringify escapes them,
// everything else is copied, eight bytes at a time.

import type { Slab } from '../pipeline/slab.ts'
import type { Output } from './output.ts'

const SPACE = 0x20
const QUOTE = 0x22
const BACKSLASH = 0x5c
const SLOW_BYTES = 16
const ESCAPE_BYTES_MAX = '\\u001f'.length

/** What JSON.stringify writes for each byte that it escapes. */
const escapes = Array.from({ length: BACKSLASH + 1 }, (_, byte) =>
  Buffer.from(JSON.stringify(String.fromCharCode(byte)).slice(1, -1)),
)

/** Appends `[start, end)` of a slab, which must be UTF-8, as the inside of a JSON string. */
export function writeJsonText(from: Slab, start: number, end: number, output: Output): void {
  let i = start
  while (i < end) {
    i = copyClean(from, i, end, output)
    const stop = Math.min(i + SLOW_BYTES, end)
    writeEscaped(from.bytes, i, stop, output)
    i = stop
  }
}

/** Copies eight bytes at a time up to the first step with a byte that needs an escape; returns where it stopped. */
function copyClean(from: Slab, start: number, end: number, output: Output): number {
  output.reserve(end - start)
  const source = from.view
  const target = output.view
  let at = output.length
  let i = start
  for (const last = end - 8; i <= last; i += 8, at += 8) {
    const first = source.getInt32(i, true)
    const second = source.getInt32(i + 4, true)
    if (((escaped(first) | escaped(second)) & HIGH_BITS) !== 0) break
    target.setInt32(at, first, true)
    target.setInt32(at + 4, second, true)
  }
  output.length = at
  return i
}

const HIGH_BITS = 0x80808080

/** The high bit of a byte is set in the result if that byte needs an escape; those of bytes above it may be set too. */
function escaped(word: number): number {
  const quote = word ^ 0x22222222
  const backslash = word ^ 0x5c5c5c5c
  return ((word - 0x20202020) & ~word) | ((quote - 0x01010101) & ~quote) | ((backslash - 0x01010101) & ~backslash)
}

function writeEscaped(from: Uint8Array, start: number, end: number, output: Output): void {
  output.reserve(ESCAPE_BYTES_MAX * (end - start))
  const { bytes } = output
  for (let i = start; i < end; i += 1) {
    const byte = from[i]
    if (byte < SPACE || byte === QUOTE || byte === BACKSLASH) output.fixed(escapes[byte])
    else bytes[output.length++] = byte
  }
}

/** Whether all bytes of `[start, end)` of a slab are below 0x80. */
export function isAscii({ bytes, view }: Slab, start: number, end: number): boolean {
  let i = start
  for (const last = end - 8; i <= last; i += 8) {
    if (((view.getInt32(i, true) | view.getInt32(i + 4, true)) & HIGH_BITS) !== 0) return false
  }
  for (; i < end; i += 1) if (bytes[i] > 0x7f) return false
  return true
}
