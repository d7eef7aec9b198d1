// Parses everything after `<PRI>` according to RFC 3164 §4.1, and the variants that devices send.
//
//   Oct 11 22:14:15 mymachine su[230]: 'su root' failed for lonvick on /dev/pts/8
//   time            host      tag pid  message
//
// A tag must have a colon or a pid: a first word with neither belongs to the message. (syslog-ng and rsyslog take it
// for the program, and so remove the first word of every message that has no tag.)
//
//   Oct 11 2025 22:14:15 fw1 : %ASA-6-…       Cisco firewalls
//   29: rt1: *Apr 29 13:58:46.411: %SYS-5-…   Cisco: the host before the time (`cisco.ts`)
//   Oct 11 22:14:15 Message forwarded from web-1: su: …    AIX; BSD syslogd without the first word
//   Oct 11 22:14:15 bigip1 notice mcpd[5931]: …            F5: the severity of the PRI as a word (`level-word.ts`)
//   Oct 11 22:14:15 [host ]last message repeated 5 times   BSD
//   Oct 11 22:14:15 [10.0.0.1] …, 2001:db8::1 …, user@host/relay …   hosts

import {
  DEFECTS_SHIFT,
  FORMAT_MASK,
  FORMAT_RFC3164,
  HOST,
  KIND,
  MESSAGE,
  NO_ZONE,
  PID,
  PRIORITY,
  PROGRAM,
  TIME,
  type HeaderTable,
} from '../pipeline/header-table.ts'
import { isAddress } from './address-literal.ts'
import { afterCiscoHost, afterCiscoPrefix, afterLoneColon, afterUnknownZone, afterUptime, mayBeTime } from './cisco.ts'
import { afterLevel } from './level-word.ts'
import { defectBit } from './defects.ts'
import { isDigit } from './digits.ts'
import { isTagByte, readTag } from './tag.ts'
import type { TimestampReader } from './timestamp.ts'

const TAB = 0x09
const SPACE = 0x20
const QUOTE = 0x22
const HASH = 0x23
const PERCENT = 0x25
const PAREN = 0x28
const PAREN_CLOSE = 0x29
const COMMA = 0x2c
const COLON = 0x3a
const GREATER = 0x3e
const OPEN = 0x5b
const CLOSE = 0x5d

const PRI_MISSING = defectBit('PRI_MISSING') << DEFECTS_SHIFT
const TIME_INVALID = defectBit('TIME_INVALID') << DEFECTS_SHIFT

/** Parses a header that begins at `at` into row `i`, whose cells start at `row`. Returns false if there is neither a time nor a tag. */
export function readRfc3164(
  bytes: Uint8Array,
  at: number,
  end: number,
  table: HeaderTable,
  i: number,
  row: number,
  clock: TimestampReader,
): boolean {
  const { cells } = table
  while (at < end && bytes[at] === SPACE) at += 1
  if (clock.read(at, end) && !(clock.isEpoch && isNumber(bytes, at, clock.end, end, cells[row + KIND]))) {
    readDated(bytes, at, clock.end, end, table, i, row, clock)
    return true
  }
  const time = afterCiscoPrefix(bytes, at, end, cells, row)
  if (time > at && clock.read(time, end)) {
    readDated(bytes, time, afterUnknownZone(bytes, clock.end, end), end, table, i, row, clock)
    return true
  }
  // `29: rt1: %SYS-5-…`: a device that is configured not to send the time.
  const name = afterUptime(bytes, time, end)
  if (name > at && bytes[name] === PERCENT && readTag(bytes, name, end, cells, row, FORMAT_RFC3164, true)) return true
  cells[row + HOST] = cells[row + HOST + 1] = 0
  if (!readTag(bytes, at, end, cells, row, FORMAT_RFC3164, true)) return readNamed(bytes, at, end, cells, row)
  // If a time and a Cisco event follow the tag, it is the host.
  if (cells[row + PID + 1] > 0) return true
  const next = afterCiscoHost(bytes, at, end, cells, row)
  if (mayBeTime(bytes, next, end) && clock.read(next, end)) {
    const timeEnd = afterUnknownZone(bytes, clock.end, end)
    if (endsAsCisco(bytes, timeEnd, end)) {
      cells[row + PROGRAM] = cells[row + PROGRAM + 1] = 0
      readDated(bytes, next, timeEnd, end, table, i, row, clock)
      return true
    }
  }
  cells[row + HOST] = cells[row + HOST + 1] = 0
  return true
}

/**
 * Whether seconds since the epoch at `at` are a number in a text (`1700000000 requests served`). They are a time behind a PRI and a
 * version (Meraki), or behind a PRI and before a host and a tag.
 */
function isNumber(bytes: Uint8Array, at: number, numberEnd: number, end: number, kind: number): boolean {
  if ((kind & PRI_MISSING) !== 0) return true
  if (bytes[at - 1] === SPACE && bytes[at - 2] !== SPACE && bytes[at - 2] !== GREATER) return false
  let host = numberEnd + 1
  while (host < end && isTagByte(bytes[host])) host += 1
  return host === numberEnd + 1 || host >= end || bytes[host] !== SPACE || !hasTag(bytes, host + 1, end, COLON)
}

/** A host without a time: `fw1 : %ASA-6-302013: …`, `winhost\tMSWinEventLog\t…`, `U7PG2,f09fc2000000,v4.0.0: hostapd: …`. */
function readNamed(bytes: Uint8Array, at: number, end: number, cells: Int32Array, row: number): boolean {
  const start = at
  while (at < end && HOST_STOPS[bytes[at]] === 0) at += 1
  if (at === start || at + 1 >= end) return false
  if (startsWith(bytes, at, end, SNARE)) {
    cells[row + KIND] |= FORMAT_RFC3164
    cells[row + MESSAGE] = at + 1
  } else if (bytes[at] === COLON) {
    const isNamed = bytes[at + 1] === SPACE && isModel(bytes, start, at) && hasTag(bytes, at + 2, end, COLON)
    if (!isNamed || !readTag(bytes, at + 2, end, cells, row, FORMAT_RFC3164, true)) return false
  } else {
    const tag = bytes[at] === SPACE ? afterLoneColon(bytes, at + 1, end) : 0
    if (tag <= at + 1 || !readTag(bytes, tag, end, cells, row, FORMAT_RFC3164, true)) return false
  }
  cells[row + HOST] = start
  cells[row + HOST + 1] = at
  return true
}

/** Whether `: %` or `: #` follows at `at`, as after the time of a Cisco event. */
function endsAsCisco(bytes: Uint8Array, at: number, end: number): boolean {
  while (at < end && bytes[at] === SPACE) at += 1
  if (afterLoneColon(bytes, at, end) > at) return true
  return at + 2 < end && bytes[at] === COLON && bytes[at + 1] === SPACE && bytes[at + 2] === HASH
}

/** Parses what follows a time that `clock` has just read at `time` and that ends at `timeEnd`. */
function readDated(
  bytes: Uint8Array,
  time: number,
  timeEnd: number,
  end: number,
  table: HeaderTable,
  i: number,
  row: number,
  clock: TimestampReader,
): void {
  const { cells } = table
  cells[row + TIME] = time
  cells[row + TIME + 1] = timeEnd
  let kind = FORMAT_RFC3164
  if (Number.isNaN(clock.time)) kind |= TIME_INVALID
  else {
    table.times[i] = clock.time
    table.zones[i] = clock.zone
  }
  const at = afterTime(bytes, timeEnd, end)
  cells[row + MESSAGE] = at
  if (cells[row + HOST + 1] > 0) readTag(bytes, at, end, cells, row, kind, false)
  else if (!readPlain(bytes, at, end, cells, row, kind)) readHost(bytes, at, end, cells, row, kind)
}

function afterTime(bytes: Uint8Array, at: number, end: number): number {
  if (at < end && bytes[at] === COLON) at += 1
  while (at < end && bytes[at] === SPACE) at += 1
  return afterLoneColon(bytes, at, end)
}

/** Parses row `i` again, whose header begins at `at`, as a header with neither a time nor a host. */
export function rereadWithoutTime(
  bytes: Uint8Array,
  at: number,
  end: number,
  table: HeaderTable,
  i: number,
  row: number,
): void {
  const { cells } = table
  for (const cell of [TIME, HOST, PROGRAM, PID]) cells[row + cell] = cells[row + cell + 1] = 0
  cells[row + KIND] &= ~(FORMAT_MASK | TIME_INVALID)
  cells[row + MESSAGE] = at
  table.times[i] = NaN
  table.zones[i] = NO_ZONE
  while (at < end && bytes[at] === SPACE) at += 1
  readTag(bytes, at, end, cells, row, FORMAT_RFC3164, true)
}

/** Parses the header of row `row` again from the end of its time, without looking for a host: a tag or the message follows. */
export function rereadWithoutHost(bytes: Uint8Array, end: number, cells: Int32Array, row: number): void {
  const at = afterTime(bytes, cells[row + TIME + 1], end)
  for (const cell of [HOST, PROGRAM, PID]) cells[row + cell] = cells[row + cell + 1] = 0
  cells[row + MESSAGE] = at
  readTag(bytes, at, end, cells, row, FORMAT_RFC3164, false)
}

/**
 * Parses `host tag: …` and `host tag[123]: …`, which nearly all messages have, in one pass. Returns false, with nothing changed,
 * for anything else: `readHost` considers every dialect, with the same result for these two, and takes twice as long.
 */
function readPlain(bytes: Uint8Array, at: number, end: number, cells: Int32Array, row: number, kind: number): boolean {
  const host = at
  while (at < end && isTagByte(bytes[at])) at += 1
  const hostEnd = at
  if (at === host || at >= end || bytes[at] !== SPACE) return false
  const tag = (at += 1)
  while (at < end && isTagByte(bytes[at])) at += 1
  const tagEnd = at
  if (at === tag) return false
  let pid = 0
  let pidEnd = 0
  if (at < end && bytes[at] === OPEN) {
    pid = at += 1
    while (at < end && isDigit(bytes[at])) at += 1
    if (at === pid || at >= end || bytes[at] !== CLOSE) return false
    pidEnd = at
    at += 1
  }
  if (at + 1 >= end || bytes[at] !== COLON || bytes[at + 1] !== SPACE) return false
  cells[row + KIND] |= kind
  cells[row + HOST] = host
  cells[row + HOST + 1] = hostEnd
  cells[row + PROGRAM] = tag
  cells[row + PROGRAM + 1] = tagEnd
  cells[row + PID] = pid
  cells[row + PID + 1] = pidEnd
  cells[row + MESSAGE] = at + 2
  return true
}

// A host contains none of these bytes: `{`, `"key":`, `user=root` and `<tag>` begin a text.
const TEXT_BYTES = Buffer.from('{}"<>=|;')
const HOST_STOPS = new Uint8Array(256)
for (const byte of [TAB, SPACE, COLON, OPEN, ...TEXT_BYTES]) HOST_STOPS[byte] = 1

/** Parses the host, if there is one, and what follows it. */
function readHost(bytes: Uint8Array, at: number, end: number, cells: Int32Array, row: number, kind: number): void {
  const start = at
  const forwarded = afterForwarded(bytes, at, end)
  if (forwarded > at) {
    readForwarded(bytes, forwarded, end, cells, row, kind)
    return
  }
  // A colon or bracket may mean that the word is not a host. Most words contain neither.
  while (at < end && HOST_STOPS[bytes[at]] === 0) at += 1
  let colons = 0
  let bracket = false
  let isText = false
  for (; at < end && bytes[at] !== SPACE && bytes[at] !== TAB; at += 1) {
    if (bytes[at] === COLON) colons += 1
    else if (bytes[at] === OPEN) bracket = true
    else if (HOST_STOPS[bytes[at]] === 1) isText = true
  }
  const quoted = bytes[start] === PAREN && isQuoted(bytes, start, at)
  if (at >= end || at === start || (isText && !quoted) || !isHost(bytes, start, at, end, colons, bracket)) {
    if (!isRepeated(bytes, start, end)) readTag(bytes, start, end, cells, row, kind, false)
    else cells[row + KIND] |= kind
    return
  }
  const enclosed = bytes[start] === OPEN && bytes[at - 1] === CLOSE
  const colon = bytes[at - 1] === COLON && (colons === 1 || !isAddress(bytes, start, at)) ? 1 : 0
  cells[row + HOST] = quoted ? start + 2 : enclosed ? start + 1 : start
  cells[row + HOST + 1] = quoted ? at - 2 : enclosed ? at - 1 : at - colon
  // Skips a space, or the tab in Snare's `winhost\tMSWinEventLog\t1\tSecurity…`. Further spaces belong to the text,
  // like the indentation of a stack trace.
  at += 1
  cells[row + MESSAGE] = at
  while (at < end && bytes[at] === SPACE) at += 1
  // `fw1 : %ASA-6-302013: …`: Cisco firewalls that are configured to name themselves (`logging device-id`).
  const afterColon = afterLoneColon(bytes, at, end)
  if (afterColon > at) cells[row + MESSAGE] = at = afterColon
  if (isRepeated(bytes, at, end)) cells[row + KIND] |= kind
  else if (!readTag(bytes, at, end, cells, row, kind, false)) {
    const tag = afterLevel(bytes, at, end, cells[row + PRIORITY])
    if (tag > at) readTag(bytes, tag, end, cells, row, kind, false)
  }
}

/** Whether the word `[start, at)` is a host, rather than a tag without a host before it. */
function isHost(bytes: Uint8Array, start: number, at: number, end: number, colons: number, bracket: boolean): boolean {
  // `1,2026/10/11 22:14:15,…`: a record of a firewall that is configured to send no host (Palo Alto).
  if (colons === 0 && !bracket) return bytes[start + 1] !== COMMA && !isRepeated(bytes, start, end)
  // `[10.0.0.1]` and `[2001:db8::1]`
  if (bytes[start] === OPEN && bytes[at - 1] === CLOSE && isAddress(bytes, start + 1, at - 1)) return true
  if (bracket || bytes[start] === PERCENT) return false
  if (colons > 1 && isAddress(bytes, start, at)) return true
  // `router: sshd[1]: …`: a word with a colon is a host if it is an address or a tag with a pid follows, else it is the tag.
  if (bytes[at - 1] !== COLON) return false
  if (isAddress(bytes, start, at - 1)) return true
  if (colons > 1) return false
  // `U7PG2,f09fc2000000,v4.3.28.11361: hostapd: …`: model, address and version (Ubiquiti). A tag contains no commas.
  return isModel(bytes, start, at - 1) ? hasTag(bytes, at + 1, end, COLON) : hasTag(bytes, at + 1, end, OPEN)
}

/** `("U7PG2,f09fc2000000,v4.0.0")` */
function isQuoted(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start > 4 && bytes[start + 1] === QUOTE && bytes[end - 2] === QUOTE && bytes[end - 1] === PAREN_CLOSE
}

function isModel(bytes: Uint8Array, at: number, end: number): boolean {
  let commas = 0
  for (; at < end; at += 1) {
    if (bytes[at] === COMMA) commas += 1
    else if (!isTagByte(bytes[at])) return false
  }
  return commas > 0
}

/** Whether `tag[pid]:` is at `at` or, if `stop` is a colon, also `tag:`. */
function hasTag(bytes: Uint8Array, at: number, end: number, stop: number): boolean {
  const start = at
  while (at < end && isTagByte(bytes[at])) at += 1
  if (at === start || at >= end) return false
  if (bytes[at] === COLON) return stop === COLON
  if (bytes[at] !== OPEN) return false
  while (at < end && bytes[at] !== CLOSE && bytes[at] !== SPACE) at += 1
  return at + 1 < end && bytes[at] === CLOSE && bytes[at + 1] === COLON
}

/** Returns the position after `Message forwarded from ` (AIX) or `Forwarded from ` (BSD) at `at`; else `at`. */
function afterForwarded(bytes: Uint8Array, at: number, end: number): number {
  if (startsWith(bytes, at, end, MESSAGE_FORWARDED)) return at + MESSAGE_FORWARDED.length
  return startsWith(bytes, at, end, FORWARDED) ? at + FORWARDED.length : at
}

/** Parses what follows `Message forwarded from `: `HOST: tag: …`, with or without the first colon. */
function readForwarded(bytes: Uint8Array, at: number, end: number, cells: Int32Array, row: number, kind: number): void {
  const start = at
  while (at < end && bytes[at] !== SPACE) at += 1
  const word = bytes[at - 1] === COLON ? at - 1 : at
  if (isAddress(bytes, start, word)) at = word
  else for (at = start; at < end && bytes[at] !== SPACE && bytes[at] !== COLON;) at += 1
  cells[row + HOST] = start
  cells[row + HOST + 1] = at
  if (at < end && bytes[at] === COLON) at += 1
  while (at < end && bytes[at] === SPACE) at += 1
  cells[row + MESSAGE] = at
  readTag(bytes, at, end, cells, row, kind, false)
}

const SNARE = Buffer.from('\tMSWinEventLog\t')
const MESSAGE_FORWARDED = Buffer.from('Message forwarded from ')
const FORWARDED = Buffer.from('Forwarded from ')
const LAST_REPEATED = Buffer.from('last message repeated ')
const MESSAGE_REPEATED = Buffer.from('message repeated ')

function isRepeated(bytes: Uint8Array, at: number, end: number): boolean {
  return startsWith(bytes, at, end, LAST_REPEATED) || startsWith(bytes, at, end, MESSAGE_REPEATED)
}

function startsWith(bytes: Uint8Array, at: number, end: number, text: Buffer): boolean {
  if (end - at < text.length || bytes[at] !== text[0]) return false
  for (let i = 1; i < text.length; i += 1) if (bytes[at + i] !== text[i]) return false
  return true
}
