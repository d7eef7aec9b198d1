// RFC 6587 §3.4.1: a length in decimal, one space, then that many bytes.
//
//   83 <34>1 2003-10-11T22:14:15.003Z host su - ID47 - 'su root' failed
//
// Leading zeros, which the RFC has not, are read as rsyslog and syslog-ng read them: as part of a text they would lose every frame behind.
// A message begins with `<`: a line of text that begins with a number (`12 monkeys`) is text. The digits are added up by
// hand: parseInt() wants a string, and that string would be the only allocation made for a frame.
//
// Some libraries begin a stream with a byte order mark (.NET's StreamWriter): before a count or a `<` it is none of the message.

import { isDigit } from '../message/digits.ts'

const SPACE = 0x20
const LESS = 0x3c
const BYTE_ORDER_MARK = Buffer.from('\ufeff')
export const MARK_FIRST = BYTE_ORDER_MARK[0]
export const MARK_BYTES = BYTE_ORDER_MARK.length

// More digits than any count of ours: what has them is text.
const DIGITS_MAX = 10

/** More than this is no count of a message, but a text or an attack: it is read as a line. */
const COUNT_MAX = 64 * 1024 * 1024

/** The bytes so far could still become a count. */
export const UNDECIDED = -1
/** No count stands here. */
export const NO_COUNT = 0

/** The last count read: where its message begins, and how many bytes it has. */
export const octetCount = { start: 0, bytes: 0 }

/** Reads a count at `at`: true with the result in `octetCount`, else `UNDECIDED` or `NO_COUNT`. */
export function readOctetCount(bytes: Uint8Array, at: number, end: number): true | typeof UNDECIDED | typeof NO_COUNT {
  let count = 0
  let i = at
  if (bytes[at] === MARK_FIRST) {
    i = behindMark(bytes, at, end)
    if (i === end) return UNDECIDED
    if (i < at + MARK_BYTES) return NO_COUNT
    at = i
  }
  for (const last = Math.min(end, at + DIGITS_MAX + 1); i < last; i += 1) {
    const digit = bytes[i] - 0x30
    if (digit < 0 || digit > 9) break
    count = count * 10 + digit
  }
  if (i === at || i - at > DIGITS_MAX || count > COUNT_MAX) return NO_COUNT
  if (i === end) return UNDECIDED
  if (bytes[i] !== SPACE || count === 0) return NO_COUNT
  if (i + 1 === end) return UNDECIDED
  if (bytes[i + 1] !== LESS) return NO_COUNT
  octetCount.start = i + 1
  octetCount.bytes = count
  return true
}

/** How far a byte order mark at `at` is there: at its end, or at the first byte that is none of it. */
function behindMark(bytes: Uint8Array, at: number, end: number): number {
  let i = 0
  while (i < MARK_BYTES && at + i < end && bytes[at + i] === BYTE_ORDER_MARK[i]) i += 1
  return at + i
}

/** Whether `[at, end)` begins with a byte order mark and a message's `<`. */
export function beginsMarked(bytes: Uint8Array, at: number, end: number): boolean {
  return at + MARK_BYTES < end && bytes[at + MARK_BYTES] === LESS && behindMark(bytes, at, end) === at + MARK_BYTES
}

/**
 * Looks for a frame in a text that ends with `>` at `end`: `N <PRI>`. Returns where its count begins, with its message in `octetCount`, or
 * -1. Digits that make it more than `countMax` are the text's: `port 29` and `134 <13>` stand there as `port 29134 <13>`.
 */
export function countBefore(bytes: Uint8Array, end: number, countMax: number): number {
  let start = end - 2
  while (start >= 0 && end - start <= 4 && isDigit(bytes[start])) start -= 1
  if (start < 2 || start === end - 2 || bytes[start] !== LESS || bytes[start - 1] !== SPACE) return -1
  let count = 0
  let unit = 1
  let at = start - 1
  for (const first = Math.max(0, at - DIGITS_MAX); at > first && isDigit(bytes[at - 1]); at -= 1) {
    const next = count + (bytes[at - 1] - 0x30) * unit
    if (next > countMax) break
    count = next
    unit *= 10
  }
  if (count < end - start) return -1
  octetCount.start = start
  octetCount.bytes = count
  return at
}
