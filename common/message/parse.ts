// The header fields of all messages of a batch, as byte ranges, in one pass. Nothing is refused: what cannot be read as a
// header is the message's text, whole, and what was wrong with it is a defect.
//
// Detected for each message by itself:
//
//   <PRI>1 TIME …            RFC 5424: a version, and a time or its nil value
//   <PRI>[TIME [HOST]] TAG:  RFC 3164, in any of its dialects
//   <PRI>anything else       text with a priority
//   no PRI                   the same, with the origin's priority (user.notice for what comes over the network)
//
// Measured on the benchmark's corpus, on a machine where a loop over bytes costs 2 to 3 ns each: a full header takes 160 ns
// (RFC 3164) and 190 ns (RFC 5424). Before whole times were compared with the last one, it was 280 and 240 ns. Looking for
// the ends of words four bytes at a time gained nothing: they are short.

import type { Batch, Origin } from '../pipeline/batch.ts'
import {
  DEFECTS_SHIFT,
  FORMAT_MASK,
  FORMAT_RAW,
  FORMAT_RFC3164,
  HOST,
  KIND,
  MESSAGE,
  NO_ZONE,
  PRIORITY,
  PROGRAM,
  ROW,
  TIME,
  type HeaderTable,
} from '../pipeline/header-table.ts'
import { defectBit } from './defects.ts'
import { isDigit } from './digits.ts'
import { DEFAULT_PRIORITY, PRIORITY_MAX } from './priority.ts'
import { readRfc3164, rereadWithoutHost, rereadWithoutTime } from './rfc3164.ts'
import { readRfc5424 } from './rfc5424.ts'
import { TimestampReader } from './timestamp.ts'

const SPACE = 0x20
const ONE = 0x31
const LESS = 0x3c
const GREATER = 0x3e
const NO_PRIORITY = -1

const PRI_MISSING = defectBit('PRI_MISSING') << DEFECTS_SHIFT
const PRI_INVALID = defectBit('PRI_INVALID') << DEFECTS_SHIFT

const clock = new TimestampReader()

/** Fills row i of `table` for each message i of the batch. */
export function parseHeaders(batch: Batch, table: HeaderTable): void {
  const { bounds, marks, received, runs } = batch
  const { cells, times, zones } = table
  const bytes: Uint8Array = batch.slab.bytes
  clock.over(bytes, batch.slab.view)
  cells.fill(0, 0, batch.count * ROW)
  let i = 0
  for (const { count, origin } of runs) {
    clock.expect(origin.received ?? received, origin.zone)
    const text = origin.lines === 'text'
    const local = origin.lines === 'local'
    for (const last = i + count; i < last; i += 1) {
      const row = i * ROW
      const start = bounds[2 * i]
      const end = bounds[2 * i + 1]
      if (marks) cells[row + KIND] = marks[i] << DEFECTS_SHIFT
      cells[row + MESSAGE] = start
      cells[row + MESSAGE + 1] = end
      times[i] = NaN
      zones[i] = NO_ZONE
      if (text) parseText(bytes, start, end, table, i, row, origin)
      else {
        parseSyslog(bytes, start, end, table, i, row, origin)
        if (local) checkHost(bytes, start, end, table, i, row, origin.host)
      }
    }
  }
}

/** Writes each message's priority to `into`: the same as `parseHeaders`, reading no further than the PRI. */
export function parsePriorities(batch: Batch, into: Uint8Array): void {
  const { bounds, runs } = batch
  const bytes: Uint8Array = batch.slab.bytes
  let i = 0
  for (const { count, origin } of runs) {
    const text = origin.lines === 'text'
    for (const last = i + count; i < last; i += 1) {
      const at = bounds[2 * i]
      const end = bounds[2 * i + 1]
      const priority = priorityAt(bytes, at, end)
      if (priority >= 0) into[i] = priority
      else into[i] = !text && at < end && bytes[at] === LESS ? DEFAULT_PRIORITY : origin.priority
    }
  }
}

/** The value of a valid `<PRI>` at `at`, or -1. RFC 5424 §6.2.1; leading zeros are let through. */
export function priorityAt(bytes: Uint8Array, at: number, end: number): number {
  if (at + 3 > end || bytes[at] !== LESS) return NO_PRIORITY
  let value = 0
  let next = at + 1
  for (const last = Math.min(at + 4, end); next < last && isDigit(bytes[next]); next += 1) {
    value = value * 10 + bytes[next] - 0x30
  }
  if (next === at + 1 || next >= end || bytes[next] !== GREATER || value > PRIORITY_MAX) return NO_PRIORITY
  return value
}

/** Behind the `>` of a PRI that `priorityAt` has read. */
function behindPriority(bytes: Uint8Array, at: number): number {
  return bytes[at + 2] === GREATER ? at + 3 : bytes[at + 3] === GREATER ? at + 4 : at + 5
}

function parseSyslog(
  bytes: Uint8Array,
  start: number,
  end: number,
  table: HeaderTable,
  i: number,
  row: number,
  origin: Origin,
): void {
  const { cells } = table
  const priority = priorityAt(bytes, start, end)
  if (priority >= 0) {
    cells[row + PRIORITY] = priority
    parseBehindPriority(bytes, behindPriority(bytes, start), end, table, i, row)
    return
  }
  if (start < end && bytes[start] === LESS) {
    cells[row + PRIORITY] = DEFAULT_PRIORITY
    cells[row + KIND] |= FORMAT_RAW | PRI_INVALID
    return
  }
  cells[row + PRIORITY] = origin.priority
  cells[row + KIND] |= PRI_MISSING
  // A header that lacks nothing but its PRI; `1 - …` may be the item of a list.
  if (bytes[start] === ONE && bytes[start + 1] === SPACE && isDigit(bytes[start + 2])) {
    if (readRfc5424(bytes, start, end, table, i, row, clock)) return
  }
  readRfc3164(bytes, start, end, table, i, row, clock)
}

/**
 * What programs say to the syslog socket of their machine has no host in RFC 3164, or the machine's own: any other word there
 * is the beginning of the message, or a program that makes itself out to be elsewhere. So is a host where only devices have theirs,
 * before the time or without one.
 */
function checkHost(
  bytes: Uint8Array,
  start: number,
  end: number,
  table: HeaderTable,
  i: number,
  row: number,
  host: Buffer,
): void {
  const { cells } = table
  const from = cells[row + HOST]
  const to = cells[row + HOST + 1]
  if (from === to || (cells[row + KIND] & FORMAT_MASK) !== FORMAT_RFC3164) return
  if (sameBytes(bytes, from, to, host)) return
  if (cells[row + TIME + 1] > 0 && cells[row + TIME] < from) return rereadWithoutHost(bytes, end, cells, row)
  const at = priorityAt(bytes, start, end) >= 0 ? behindPriority(bytes, start) : start
  rereadWithoutTime(bytes, at, end, table, i, row)
}

function parseBehindPriority(
  bytes: Uint8Array,
  at: number,
  end: number,
  table: HeaderTable,
  i: number,
  row: number,
): void {
  table.cells[row + MESSAGE] = at
  if (hasVersion(bytes, at, end) && readRfc5424(bytes, at, end, table, i, row, clock)) return
  // `<134>1 1563249630.774 host …`: Meraki puts a version before seconds since the epoch, others before a time of RFC 3164.
  const behind = hasVersion(bytes, at, end) && bytes[at + 1] === SPACE ? at + 2 : at
  if (behind > at && clock.read(behind, end)) at = behind
  readRfc3164(bytes, at, end, table, i, row, clock)
}

/** VERSION of RFC 5424 §6.2.2: one to three digits, the first not zero, and a space. */
function hasVersion(bytes: Uint8Array, at: number, end: number): boolean {
  if (at + 1 >= end || !isDigit(bytes[at]) || bytes[at] === 0x30) return false
  if (bytes[at + 1] === SPACE) return true
  if (!isDigit(bytes[at + 1]) || at + 2 >= end) return false
  return bytes[at + 2] === SPACE || (isDigit(bytes[at + 2]) && at + 3 < end && bytes[at + 3] === SPACE)
}

/**
 * A line of a file. It is text, unless it begins with a valid PRI, or is what a syslogd of this machine writes: a time, this
 * machine's host name, and a tag.
 */
function parseText(
  bytes: Uint8Array,
  start: number,
  end: number,
  table: HeaderTable,
  i: number,
  row: number,
  origin: Origin,
): void {
  const { cells } = table
  const priority = priorityAt(bytes, start, end)
  if (priority >= 0) {
    cells[row + PRIORITY] = priority
    parseBehindPriority(bytes, behindPriority(bytes, start), end, table, i, row)
    return
  }
  cells[row + PRIORITY] = origin.priority
  if (!namesHostEarly(bytes, start, end, origin.host)) return
  const kind = cells[row + KIND]
  readRfc3164(bytes, start, end, table, i, row, clock)
  const own = sameBytes(bytes, cells[row + HOST], cells[row + HOST + 1], origin.host)
  if (own && cells[row + PROGRAM] < cells[row + PROGRAM + 1] && !Number.isNaN(table.times[i])) return
  for (let cell = row + KIND + 1; cell < row + MESSAGE; cell += 1) cells[cell] = 0
  cells[row + KIND] = kind
  cells[row + MESSAGE] = start
  cells[row + MESSAGE + 1] = end
  table.times[i] = NaN
  table.zones[i] = NO_ZONE
}

// The host stands behind a time of 15 to 35 bytes; looking for its first bytes there spares most lines the parser.
function namesHostEarly(bytes: Uint8Array, start: number, end: number, host: Buffer): boolean {
  const first = bytes[start]
  if (start >= end || host.length === 0 || !(isDigit(first) || ((first | 0x20) >= 0x61 && (first | 0x20) <= 0x7a))) {
    return false
  }
  const last = Math.min(start + 36, end - host.length)
  for (let at = start + 15; at < last; at += 1) {
    if (bytes[at] === host[0] && bytes[at - 1] === SPACE && sameBytes(bytes, at, at + host.length, host)) return true
  }
  return false
}

function sameBytes(bytes: Uint8Array, start: number, end: number, text: Buffer): boolean {
  if (end - start !== text.length) return false
  for (let i = 0; i < text.length; i += 1) if (bytes[start + i] !== text[i]) return false
  return true
}
