// Searches structured data in its encoded form (RFC 5424 §6.3): elements one after another, values in quotes, in which `"`, `\`
// and `]` are escaped by a backslash.
//
//   [exampleSDID@32473 iut="3" eventSource="App \"x\""][origin ip="192.0.2.1" ip="192.0.2.129"]
//
// A parameter may occur several times. Ids and names are case-sensitive (§6.3.2, §6.3.3).

import type { ValueTest } from './value-test.ts'

const SPACE = 0x20
const QUOTE = 0x22
const EQUALS = 0x3d
const OPEN = 0x5b
const BACKSLASH = 0x5c
const CLOSE = 0x5d

/** Whether the structured data at `[start, end)` has an element `id`. */
export function hasElement(bytes: Uint8Array, start: number, end: number, id: Uint8Array): boolean {
  let at = start
  while (at < end && bytes[at] === OPEN) {
    const name = at + 1
    at = endOfName(bytes, name, end)
    if (sameBytes(bytes, name, at, id)) return true
    at = endOfElement(bytes, at, end)
  }
  return false
}

/** Whether the structured data at `[start, end)` has an element `id` with a parameter whose value passes. */
export function someParam(
  bytes: Buffer,
  start: number,
  end: number,
  id: Uint8Array,
  param: Uint8Array,
  value: ValueTest,
): boolean {
  let at = start
  while (at < end && bytes[at] === OPEN) {
    const name = at + 1
    at = endOfName(bytes, name, end)
    if (!sameBytes(bytes, name, at, id)) {
      at = endOfElement(bytes, at, end)
      continue
    }
    for (;;) {
      const paramAt = behindSpaces(bytes, at, end)
      if (paramAt >= end || bytes[paramAt] === CLOSE) break
      at = endOfName(bytes, paramAt, end)
      const wanted = sameBytes(bytes, paramAt, at, param)
      const valueAt = at + 2
      const valueEnd = endOfValue(bytes, valueAt, end)
      if (wanted && testValue(bytes, valueAt, valueEnd, value)) return true
      at = valueEnd + 1
    }
    at = endOfElement(bytes, at, end)
  }
  return false
}

function behindSpaces(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && bytes[at] === SPACE) at += 1
  return at
}

function endOfName(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && bytes[at] !== SPACE && bytes[at] !== EQUALS && bytes[at] !== CLOSE) at += 1
  return at
}

/** The offset of the closing quote of a value. */
function endOfValue(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1
  return Math.min(at, end)
}

/** The offset after the closing bracket of the element, from a `start` that is not inside a value. */
function endOfElement(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && bytes[at] !== CLOSE) at = bytes[at] === QUOTE ? endOfValue(bytes, at + 1, end) + 1 : at + 1
  return at + 1
}

function sameBytes(bytes: Uint8Array, start: number, end: number, text: Uint8Array): boolean {
  if (end - start !== text.length) return false
  for (let i = 0; i < text.length; i += 1) if (bytes[start + i] !== text[i]) return false
  return true
}

// Scratch memory for unescaped values. Most values have no escapes, and are tested in place.
let plain = Buffer.alloc(256)

function testValue(bytes: Buffer, start: number, end: number, value: ValueTest): boolean {
  let at = start
  while (at < end && bytes[at] !== BACKSLASH) at += 1
  if (at >= end) return value.test(bytes, start, end)
  if (plain.length < end - start) plain = Buffer.alloc(2 * (end - start))
  let length = 0
  for (at = start; at < end; at += 1) {
    const next = bytes[at + 1]
    const escapes = bytes[at] === BACKSLASH && at + 1 < end && (next === QUOTE || next === BACKSLASH || next === CLOSE)
    if (escapes) at += 1
    plain[length++] = bytes[at]
  }
  return value.test(plain, 0, length)
}
