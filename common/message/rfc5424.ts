// Parses everything after `<PRI>` according to RFC 5424 §6.
//
//   1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut="3"] BOMmessage
//   │ TIMESTAMP                HOSTNAME              APP-NAME │ MSGID STRUCTURED-DATA            MSG
//   VERSION                                              PROCID
//
// Accepts common deviations: no length limits, a missing or empty structured data column, spaces inside it, a time
// without a zone, lower-case t and z.

import {
  FORMAT_RFC5424,
  HOST,
  KIND,
  MESSAGE,
  MSGID,
  PID,
  PROGRAM,
  DEFECTS_SHIFT,
  STRUCTURED_DATA,
  TIME,
  type HeaderTable,
} from '../pipeline/header-table.ts'
import { defectBit } from './defects.ts'
import { isEvent } from './event-format.ts'
import type { TimestampReader } from './timestamp.ts'

const SPACE = 0x20
const QUOTE = 0x22
const DASH = 0x2d
const EQUALS = 0x3d
const OPEN = 0x5b
const BACKSLASH = 0x5c
const CLOSE = 0x5d
const ONE = 0x31
const LOWER = 0x20
const SMALL_T = 0x74

const TIME_INVALID = defectBit('TIME_INVALID') << DEFECTS_SHIFT
const VERSION_UNKNOWN = defectBit('VERSION_UNKNOWN') << DEFECTS_SHIFT
const HEADER_INVALID = defectBit('HEADER_INVALID') << DEFECTS_SHIFT
const STRUCTURED_DATA_INVALID = defectBit('STRUCTURED_DATA_INVALID') << DEFECTS_SHIFT

/**
 * Parses the header that begins with its VERSION at `at` into row `i`, whose cells start at `row`. Returns false and
 * leaves the row unchanged if this is not an RFC 5424 header.
 */
export function readRfc5424(
  bytes: Uint8Array,
  at: number,
  end: number,
  table: HeaderTable,
  i: number,
  row: number,
  clock: TimestampReader,
): boolean {
  // VERSION is 1 to 999. A number counts as a version only if a time, or the nil value, follows.
  let kind = bytes[at] === ONE && bytes[at + 1] === SPACE ? FORMAT_RFC5424 : FORMAT_RFC5424 | VERSION_UNKNOWN
  while (at < end && bytes[at] !== SPACE) at += 1
  at += 1
  if (at >= end) return false
  const { cells } = table
  if (bytes[at] === DASH && (at + 1 >= end || bytes[at + 1] === SPACE)) {
    at += 1
  } else if (clock.readIso(at, end) && (clock.end >= end || bytes[clock.end] === SPACE)) {
    cells[row + TIME] = at
    cells[row + TIME + 1] = clock.end
    if (Number.isNaN(clock.time)) kind |= TIME_INVALID
    else {
      table.times[i] = clock.time
      table.zones[i] = clock.zone
    }
    at = clock.end
  } else if (beginsWithDay(bytes, at, end)) {
    // A zone of +25:00 or a fraction without digits: the sender evidently uses RFC 5424, and the other fields are valid.
    kind |= TIME_INVALID
    cells[row + TIME] = at
    while (at < end && bytes[at] !== SPACE) at += 1
    cells[row + TIME + 1] = at
  } else return false

  for (const field of FIELDS) {
    if (at >= end) {
      kind |= HEADER_INVALID
      break
    }
    at += 1
    const start = at
    while (at < end && bytes[at] !== SPACE) at += 1
    if (at === start) kind |= HEADER_INVALID
    if (at - start === 1 && bytes[start] === DASH) continue
    cells[row + field] = start
    cells[row + field + 1] = at
  }
  const program = cells[row + PROGRAM]
  if (cells[row + PROGRAM + 1] - program > 4 && isEvent(bytes, program, end)) {
    // `<5>1 TIME VAULT CEF:0|…`: the columns after the host are missing (CyberArk), and the event takes their place.
    for (const field of AFTER_HOST) cells[row + field] = cells[row + field + 1] = 0
    cells[row + MESSAGE] = program
    cells[row + KIND] |= kind | HEADER_INVALID
    return true
  }
  cells[row + KIND] |= readStructuredData(bytes, at, end, cells, row, kind)
  return true
}

/** `2003-10-11T` */
function beginsWithDay(bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at < 11 || bytes[at + 4] !== DASH || bytes[at + 7] !== DASH || (bytes[at + 10] | LOWER) !== SMALL_T)
    return false
  return [0, 1, 2, 3, 5, 6, 8, 9].every((place) => bytes[at + place] >= 0x30 && bytes[at + place] <= 0x39)
}

const FIELDS = [HOST, PROGRAM, PID, MSGID] as const
const AFTER_HOST = [PROGRAM, PID, MSGID] as const

/** Parses STRUCTURED-DATA and MSG. `at` is where the space before them should be. Returns `kind` with any defects added. */
function readStructuredData(
  bytes: Uint8Array,
  at: number,
  end: number,
  cells: Int32Array,
  row: number,
  kind: number,
): number {
  if (at < end) at += 1
  else if ((kind & HEADER_INVALID) === 0) kind |= HEADER_INVALID
  if (at < end && bytes[at] === OPEN) {
    const after = structuredDataEnd(bytes, at, end)
    if (after < 0) kind |= STRUCTURED_DATA_INVALID
    else {
      cells[row + STRUCTURED_DATA] = at
      cells[row + STRUCTURED_DATA + 1] = after
      at = after
      if (at < end && bytes[at] === SPACE) at += 1
    }
  } else if (at < end && bytes[at] === DASH && (at + 1 >= end || bytes[at + 1] === SPACE)) {
    at = Math.min(at + 2, end)
  } else if (at < end && bytes[at] === SPACE) {
    at += 1
  }
  // §6.4: a byte order mark means that the text is UTF-8; it is not part of the text.
  if (at + 3 <= end && bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf) at += 3
  cells[row + MESSAGE] = at
  cells[row + MESSAGE + 1] = end
  return kind
}

/** The end of the structured data that opens at `at`, after its last `]`; -1 if it violates the grammar. */
function structuredDataEnd(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && bytes[at] === OPEN) {
    at += 1
    const id = at
    while (at < end && isNameByte(bytes[at])) at += 1
    if (at === id) return -1
    for (;;) {
      while (at < end && bytes[at] === SPACE) at += 1
      if (at >= end) return -1
      if (bytes[at] === CLOSE) break
      const name = at
      while (at < end && isNameByte(bytes[at])) at += 1
      if (at === name || at + 1 >= end || bytes[at] !== EQUALS || bytes[at + 1] !== QUOTE) return -1
      at = valueEnd(bytes, at + 2, end)
      if (at < 0) return -1
    }
    at += 1
  }
  return at
}

// An SD-NAME may contain any printable character except these (§6.3); its limit of 32 characters is not enforced.
function isNameByte(byte: number): boolean {
  return byte > SPACE && byte !== EQUALS && byte !== QUOTE && byte !== CLOSE
}

/**
 * The position after the closing quote of a PARAM-VALUE, -1 if there is none. `\"`, `\\` and `\]` are escapes; a bare
 * `]` is accepted (§6.3.3).
 */
function valueEnd(bytes: Uint8Array, at: number, end: number): number {
  for (; at < end; at += 1) {
    if (bytes[at] === BACKSLASH) at += 1
    else if (bytes[at] === QUOTE) return at + 1
  }
  return -1
}
