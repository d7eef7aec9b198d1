// What Cisco devices put before the timestamp. Each part appears only if it was configured:
//
//   65536: fw1: 000030: *Apr 29 13:58:46.411: %SYS-5-…
//   │      │    │       └ `*`: the clock was never set; `.`: it has lost its time server
//   │      │    sequence number (`service sequence-numbers`)
//   │      host (`logging origin-id`): a name or an address
//   messages sent so far
//
//   : 2026 Apr 29 13:58:46 CEST: %ETHPORT-5-…      NX-OS, with a host or without
//   :Apr 29 13:58:46 CEST: %ASA-session-6-…        ASA (`logging trap … emblem`)
//   345: rt1 RP/0/RP0/CPU0:Apr 29 13:58:46.411 : ifmgr[204]: %PKT_INFRA-…    IOS XR: rack, slot and processor; the host if
//                                                  `logging hostnameprefix` is set; after the time, the process
//   wlc1: *spamApTask7: Apr 29 13:58:46.411: %CAPWAP-3-…    wireless controllers, with the task
//   29: 1w2d: %SYS-5-…, 00:01:46: %SYS-5-…         uptime of the device (`service timestamps log uptime`), not a time
//
// After the timestamp follows `: %`, or ` : %` if the time has a zone, and the name of the event.

import { HOST } from '../pipeline/header-table.ts'
import { isDigit } from './digits.ts'

const SPACE = 0x20
const PERCENT = 0x25
const STAR = 0x2a
const DASH = 0x2d
const DOT = 0x2e
const SLASH = 0x2f
const COLON = 0x3a
const OPEN = 0x5b
const CLOSE = 0x5d

const isCapital = (byte: number) => byte >= 0x41 && byte <= 0x5a
const isLetter = (byte: number) => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a

/**
 * Returns the position after the numbers, the host and the clock marks at `at`, where a time may begin; `at` if there
 * are none. Fills the host cells of row `row`.
 */
export function afterCiscoPrefix(bytes: Uint8Array, at: number, end: number, cells: Int32Array, row: number): number {
  if (at < end && bytes[at] === COLON) return afterCiscoHost(bytes, afterSpaces(bytes, at + 1, end), end, cells, row)
  const numbered = afterNumber(bytes, at, end)
  if (numbered === at) return afterMark(bytes, at, end)
  const node = afterNode(bytes, numbered, end, cells, row)
  if (node > numbered) return afterMark(bytes, node, end)
  return afterCiscoHost(bytes, numbered, end, cells, row)
}

/** Like `afterCiscoPrefix`, if no message count precedes the host. */
export function afterCiscoHost(bytes: Uint8Array, at: number, end: number, cells: Int32Array, row: number): number {
  let next = afterNumber(bytes, at, end)
  if (next === at) {
    next = afterHost(bytes, at, end, cells, row)
    if (next > at) next = afterNumber(bytes, next, end)
  }
  return afterMark(bytes, next, end)
}

/** Whether `at` may be the start of a time, so that it is worth parsing: `Apr 29 …`, `2026 Apr …`, `2026-04-…`. */
export function mayBeTime(bytes: Uint8Array, at: number, end: number): boolean {
  return at + 4 < end && (bytes[at + 3] === SPACE || bytes[at + 4] === SPACE || bytes[at + 4] === DASH)
}

/**
 * Returns the position after a separate colon before Cisco's `%FACILITY-…`, or before the IOS XR process that reports
 * it; else `at`.
 */
export function afterLoneColon(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end || bytes[at] !== COLON) return at
  const next = afterSpaces(bytes, at + 1, end)
  if (next === at + 1 || next >= end) return at
  return bytes[next] === PERCENT || isProcess(bytes, next, end) ? next : at
}

/**
 * Returns the position after a capitalised word between a time and `: %`, else `at`. The word is a user-defined zone
 * name (`clock timezone KYV 2`), which does not tell the offset.
 */
export function afterUnknownZone(bytes: Uint8Array, at: number, end: number): number {
  if (at + 1 >= end || bytes[at] !== SPACE || !isCapital(bytes[at + 1])) return at
  let next = at + 2
  while (next < end && isLetter(bytes[next])) next += 1
  const colon = afterSpaces(bytes, next, end)
  return afterLoneColon(bytes, colon, end) > colon ? next : at
}

/** `ifmgr[204]: %` */
function isProcess(bytes: Uint8Array, at: number, end: number): boolean {
  while (at < end && bytes[at] !== SPACE) at += 1
  return at + 1 < end && bytes[at - 1] === COLON && bytes[at - 2] === CLOSE && bytes[at + 1] === PERCENT
}

/** `rt1 RP/0/RP0/CPU0:`, `LC/0/0/CPU0:`: fills the host cells if there is a host. The time follows without a space. */
function afterNode(bytes: Uint8Array, at: number, end: number, cells: Int32Array, row: number): number {
  let start = at
  let slashes = 0
  let next = at
  for (; next < end && bytes[next] !== COLON; next += 1) {
    if (bytes[next] === SLASH) slashes += 1
    else if (bytes[next] === SPACE) {
      if (start > at || slashes > 0) return at
      start = next + 1
    }
  }
  if (slashes < 2 || bytes[start] === SLASH || next + 1 >= end || bytes[next + 1] === SPACE) return at
  if (start > at) {
    cells[row + HOST] = at
    cells[row + HOST + 1] = start - 1
  }
  return next + 1
}

/** Returns the position after an uptime (`1w2d: `, `00:01:46: `) that is followed by a `%`; else `at`. */
export function afterUptime(bytes: Uint8Array, at: number, end: number): number {
  let next = at
  while (next < end && bytes[next] !== SPACE) next += 1
  if (next - 1 <= at || next + 1 >= end || bytes[next - 1] !== COLON || bytes[next + 1] !== PERCENT) return at
  return isUptime(bytes, at, next - 1) ? next + 1 : at
}

/** `000030: ` */
function afterNumber(bytes: Uint8Array, at: number, end: number): number {
  let next = at
  while (next < end && isDigit(bytes[next])) next += 1
  if (next === at || next + 1 >= end || bytes[next] !== COLON || bytes[next + 1] !== SPACE) return at
  return afterSpaces(bytes, next + 2, end)
}

/** `fw1: `, `2001:db8::1: `, `[10.1.2.3]: ` */
function afterHost(bytes: Uint8Array, at: number, end: number, cells: Int32Array, row: number): number {
  let next = at
  let colons = 0
  let doubled = false
  for (; next < end && bytes[next] !== SPACE; next += 1) {
    if (bytes[next] !== COLON) continue
    colons += 1
    doubled ||= bytes[next - 1] === COLON
  }
  const last = next - 1
  // `00:01:46: ` is the uptime of the device. Only an address contains colons, and nearly every IPv6 address a `::`.
  if (next >= end || last <= at || bytes[last] !== COLON || (colons > 1 && !doubled)) return at
  // The event, or the task that reports it (wireless controllers).
  if (bytes[at] === PERCENT || bytes[at] === STAR) return at
  // `1w2d: ` is an uptime too.
  if (isUptime(bytes, at, last)) return at
  const enclosed = bytes[at] === OPEN && bytes[last - 1] === CLOSE ? 1 : 0
  cells[row + HOST] = at + enclosed
  cells[row + HOST + 1] = last - enclosed
  return afterSpaces(bytes, next, end)
}

/** `1w2d`, `3y12w`, `00:01:46`: numbers with a unit each, or colons between them. */
function isUptime(bytes: Uint8Array, at: number, end: number): boolean {
  if (!isDigit(bytes[at])) return false
  for (; at < end; at += 1) {
    if (isDigit(bytes[at])) continue
    if (!isDigit(bytes[at - 1]) || !UPTIME_UNITS.includes(bytes[at])) return false
  }
  return true
}

const UPTIME_UNITS = Buffer.from('ywdh:')

/** Returns the position after a clock mark, or after `*spamApTask7: `; else `at`. */
function afterMark(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end || (bytes[at] !== STAR && bytes[at] !== DOT)) return at
  if (bytes[at] === DOT) return at + 1
  let next = at
  while (next < end && bytes[next] !== SPACE && bytes[next] !== COLON) next += 1
  const isTask = next > at + 1 && next + 1 < end && bytes[next] === COLON && bytes[next + 1] === SPACE
  return isTask && mayBeTime(bytes, next + 2, end) ? next + 2 : at + 1
}

function afterSpaces(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && bytes[at] === SPACE) at += 1
  return at
}
