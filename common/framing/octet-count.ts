// Octet counting (RFC 6587 §3.4.1): a length in decimal, one space, then that many bytes.
//
//   83 <34>1 2003-10-11T22:14:15.003Z host su - ID47 - 'su root' failed
//
// Leading zeros, which the RFC does not allow, are accepted as by rsyslog and syslog-ng: taken for text, they would
// make the splitter lose all frames after them. A message must begin with `<`, since a line of text may begin with a
// number (`12 monkeys`). The digits are summed by hand: parseInt() needs a string, and that string would be the only
// allocation made for a frame.
//
// Some libraries begin a stream with a byte order mark (.NET's StreamWriter). Before a count or a `<` it is not part of the message.

import { isDigit } from '../message/digits.ts'

const SPACE = 0x20
const LESS = 0x3c
const BYTE_ORDER_MARK = Buffer.from('\ufeff')
export const MARK_FIRST = BYTE_ORDER_MARK[0]
export const MARK_BYTES = BYTE_ORDER_MARK.length

// No valid count has more digits; a longer number is text.
const DIGITS_MAX = 10

/** A larger number is not the count of a message but text, or an attack: it is read as a line. */
const COUNT_MAX = 64 * 1024 * 1024

/** The bytes so far may be the beginning of a count. */
export const UNDECIDED = -1
/** There is no count at this position. */
export const NO_COUNT = 0

/** The last count read: where its message begins, and how many bytes it has. */
export const octetCount = { start: 0, bytes: 0 }

/**
 * Reads a count at `at`, with or without a byte order mark before it. Returns true with the result in `octetCount`,
 * else `UNDECIDED` or `NO_COUNT`.
 */
export function readOctetCount(bytes: Uint8Array, at: number, end: number): true | typeof UNDECIDED | typeof NO_COUNT {
  let count = 0
  let i = at
  if (bytes[at] === MARK_FIRST) {
    i = afterMark(bytes, at, end)
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

/** The end of a byte order mark at `at`; if it is incomplete, the position of the first byte that does not belong to it. */
function afterMark(bytes: Uint8Array, at: number, end: number): number {
  let i = 0
  while (i < MARK_BYTES && at + i < end && bytes[at + i] === BYTE_ORDER_MARK[i]) i += 1
  return at + i
}

/** Whether `[at, end)` begins with a byte order mark and the `<` of a message. */
export function beginsMarked(bytes: Uint8Array, at: number, end: number): boolean {
  return at + MARK_BYTES < end && bytes[at + MARK_BYTES] === LESS && afterMark(bytes, at, end) === at + MARK_BYTES
}

/**
 * Looks for the start of a frame, `N <PRI>`, at the end of a text whose last byte before `end` is `>`. Returns where
 * the count begins, with its message in `octetCount`, or -1. Leading digits that would make the count larger than
 * `countMax` belong to the text: `port 29` followed by `134 <13>` reads `port 29134 <13>`.
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
