// Writes structured data that conforms to RFC 5424 §6.3. The header parser also accepts extra or missing spaces, an
// unescaped `]` in a value, and bytes in a name that are not printable ASCII; these are corrected.
//
//   [a  b="x]y"c="z" ][ä d="e"]   →   [a b="x\]y" c="z"][%C3%A4 d="e"]
//
// syslog-ng 3.38 rejects the header for any of these: the message becomes an error message of its own, and all fields are lost.

import type { Slab } from '../pipeline/slab.ts'
import type { Output } from './output.ts'

const SPACE = 0x20
const QUOTE = 0x22
const PERCENT = 0x25
const EQUALS = 0x3d
const OPEN = 0x5b
const BACKSLASH = 0x5c
const CLOSE = 0x5d
const TILDE = 0x7e

/** Writes the structured data `[start, end)`, as part of one line. */
export function writeStructuredData(from: Slab, start: number, end: number, output: Output): void {
  if (isWellFormed(from.bytes, start, end)) output.line(from, start, end)
  else writeWellFormed(from, start, end, output)
}

const isPrintable = (byte: number) => byte > SPACE && byte <= TILDE

function isWellFormed(bytes: Uint8Array, at: number, end: number): boolean {
  while (at < end) {
    // A name begins after `[` and after each space.
    do {
      at += 1
      const name = at
      while (at < end && isPrintable(bytes[at]) && bytes[at] !== EQUALS && bytes[at] !== CLOSE) at += 1
      if (at === name) return false
      if (bytes[at] === EQUALS) {
        at = valueEnd(bytes, at + 2, end)
        if (at < 0) return false
      }
    } while (at < end && bytes[at] === SPACE)
    if (at >= end || bytes[at] !== CLOSE) return false
    at += 1
  }
  return true
}

/** The position after the closing quote of a value; -1 if a `]` in it is not escaped. */
function valueEnd(bytes: Uint8Array, at: number, end: number): number {
  for (; at < end && bytes[at] !== QUOTE; at += 1) {
    if (bytes[at] === CLOSE) return -1
    if (bytes[at] === BACKSLASH) at += 1
  }
  return at + 1
}

function writeWellFormed(from: Slab, start: number, end: number, output: Output): void {
  const { bytes } = from
  let at = start
  while (at < end) {
    const byte = bytes[at]
    if (byte === SPACE) at += 1
    else if (byte === OPEN && (at === start || bytes[at - 1] === CLOSE)) {
      output.byte(OPEN)
      at = writeName(bytes, at + 1, end, output)
    } else if (byte === CLOSE) {
      output.byte(CLOSE)
      at += 1
    } else {
      output.byte(SPACE)
      at = writeName(bytes, at, end, output)
      output.byte(EQUALS)
      output.byte(QUOTE)
      at = writeValue(from, at + 2, end, output)
      output.byte(QUOTE)
    }
  }
}

/** Writes the name at `at`, with bytes that are not allowed percent-encoded; returns where it ends. */
function writeName(bytes: Uint8Array, at: number, end: number, output: Output): number {
  for (; at < end && bytes[at] !== SPACE && bytes[at] !== EQUALS && bytes[at] !== CLOSE; at += 1) {
    const byte = bytes[at]
    if (isPrintable(byte)) output.byte(byte)
    else {
      output.byte(PERCENT)
      output.text(byte.toString(16).toUpperCase().padStart(2, '0'))
    }
  }
  return at
}

/** Writes the value at `at` with every `]` escaped; returns the position after its closing quote. */
function writeValue(from: Slab, at: number, end: number, output: Output): number {
  const { bytes } = from
  let written = at
  for (; at < end && bytes[at] !== QUOTE; at += 1) {
    if (bytes[at] === BACKSLASH) at += 1
    else if (bytes[at] === CLOSE) {
      output.line(from, written, at)
      output.byte(BACKSLASH)
      written = at
    }
  }
  output.line(from, written, at)
  return at + 1
}
