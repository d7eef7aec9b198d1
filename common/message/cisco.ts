// What Cisco's devices put before the time, each part only where it was asked for:
//
//   65536: fw1: 000030: *Apr 29 13:58:46.411: %SYS-5-…
//   │      │    │       └ `*`: the clock was never set; `.`: it has lost its server
//   │      │    sequence number (`service sequence-numbers`)
//   │      host (`logging origin-id`): a name or an address
//   messages sent so far
//
//   : 2026 Apr 29 13:58:46 CEST: %ETHPORT-5-…      NX-OS, with a host or without
//   :Apr 29 13:58:46 CEST: %ASA-session-6-…        ASA (`logging trap … emblem`)
//   345: rt1 RP/0/RP0/CPU0:Apr 29 13:58:46.411 : ifmgr[204]: %PKT_INFRA-…    IOS XR: rack, slot and processor; the host where
//                                                  there is a `logging hostnameprefix`, and behind the time the process
//   wlc1: *spamApTask7: Apr 29 13:58:46.411: %CAPWAP-3-…    wireless controllers, with the task
//   29: 1w2d: %SYS-5-…, 00:01:46: %SYS-5-…         since the start of the device (`service timestamps log uptime`): no time
//
// and behind it `: %`, or ` : %` where the time has a zone, before the name of what is reported.

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
 * Where the time may begin behind the numbers, the host and the marks at `at`; `at` where there are none. The host's cells of row
 * `row` are filled.
 */
export function behindCiscoPrefix(bytes: Uint8Array, at: number, end: number, cells: Int32Array, row: number): number {
  if (at < end && bytes[at] === COLON) return behindCiscoHost(bytes, behindSpaces(bytes, at + 1, end), end, cells, row)
  const numbered = behindNumber(bytes, at, end)
  if (numbered === at) return behindMark(bytes, at, end)
  const node = behindNode(bytes, numbered, end, cells, row)
  if (node > numbered) return behindMark(bytes, node, end)
  return behindCiscoHost(bytes, numbered, end, cells, row)
}

/** The same, where no number stands before the host. */
export function behindCiscoHost(bytes: Uint8Array, at: number, end: number, cells: Int32Array, row: number): number {
  let next = behindNumber(bytes, at, end)
  if (next === at) {
    next = behindHost(bytes, at, end, cells, row)
    if (next > at) next = behindNumber(bytes, next, end)
  }
  return behindMark(bytes, next, end)
}

/** Whether a time may stand at `at`, so that it is worth reading: `Apr 29 …`, `2026 Apr …`, `2026-04-…`. */
export function mayBeTime(bytes: Uint8Array, at: number, end: number): boolean {
  return at + 4 < end && (bytes[at + 3] === SPACE || bytes[at + 4] === SPACE || bytes[at + 4] === DASH)
}

/** Behind a colon that stands alone before Cisco's `%FACILITY-…`, or before the process of IOS XR that reports it; else `at`. */
export function behindLoneColon(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end || bytes[at] !== COLON) return at
  const next = behindSpaces(bytes, at + 1, end)
  if (next === at + 1 || next >= end) return at
  return bytes[next] === PERCENT || isProcess(bytes, next, end) ? next : at
}

/**
 * Behind a word at `at` that begins with a capital and stands between a time and `: %`: a zone by a name that nobody else has
 * (`clock timezone KYV 2`), which says nothing about the offset; else `at`.
 */
export function behindOwnZone(bytes: Uint8Array, at: number, end: number): number {
  if (at + 1 >= end || bytes[at] !== SPACE || !isCapital(bytes[at + 1])) return at
  let next = at + 2
  while (next < end && isLetter(bytes[next])) next += 1
  const colon = behindSpaces(bytes, next, end)
  return behindLoneColon(bytes, colon, end) > colon ? next : at
}

/** `ifmgr[204]: %` */
function isProcess(bytes: Uint8Array, at: number, end: number): boolean {
  while (at < end && bytes[at] !== SPACE) at += 1
  return at + 1 < end && bytes[at - 1] === COLON && bytes[at - 2] === CLOSE && bytes[at + 1] === PERCENT
}

/** `rt1 RP/0/RP0/CPU0:`, `LC/0/0/CPU0:`, of which the host's cells are filled; the time follows at once. */
function behindNode(bytes: Uint8Array, at: number, end: number, cells: Int32Array, row: number): number {
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

/** Behind `1w2d: `, `00:01:46: `, where a `%` follows; else `at`. */
export function behindUptime(bytes: Uint8Array, at: number, end: number): number {
  let next = at
  while (next < end && bytes[next] !== SPACE) next += 1
  if (next - 1 <= at || next + 1 >= end || bytes[next - 1] !== COLON || bytes[next + 1] !== PERCENT) return at
  return isUptime(bytes, at, next - 1) ? next + 1 : at
}

/** `000030: ` */
function behindNumber(bytes: Uint8Array, at: number, end: number): number {
  let next = at
  while (next < end && isDigit(bytes[next])) next += 1
  if (next === at || next + 1 >= end || bytes[next] !== COLON || bytes[next + 1] !== SPACE) return at
  return behindSpaces(bytes, next + 2, end)
}

/** `fw1: `, `2001:db8::1: `, `[10.1.2.3]: ` */
function behindHost(bytes: Uint8Array, at: number, end: number, cells: Int32Array, row: number): number {
  let next = at
  let colons = 0
  let doubled = false
  for (; next < end && bytes[next] !== SPACE; next += 1) {
    if (bytes[next] !== COLON) continue
    colons += 1
    doubled ||= bytes[next - 1] === COLON
  }
  const last = next - 1
  // `00:01:46: ` is the time since the device was started; only an address has colons, and as good as each a `::`.
  if (next >= end || last <= at || bytes[last] !== COLON || (colons > 1 && !doubled)) return at
  // What is reported, and the task that reports it (wireless controllers).
  if (bytes[at] === PERCENT || bytes[at] === STAR) return at
  // `1w2d: ` is that time too.
  if (isUptime(bytes, at, last)) return at
  const enclosed = bytes[at] === OPEN && bytes[last - 1] === CLOSE ? 1 : 0
  cells[row + HOST] = at + enclosed
  cells[row + HOST + 1] = last - enclosed
  return behindSpaces(bytes, next, end)
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

/** Behind the mark of a clock, or `*spamApTask7: `. */
function behindMark(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end || (bytes[at] !== STAR && bytes[at] !== DOT)) return at
  if (bytes[at] === DOT) return at + 1
  let next = at
  while (next < end && bytes[next] !== SPACE && bytes[next] !== COLON) next += 1
  const isTask = next > at + 1 && next + 1 < end && bytes[next] === COLON && bytes[next + 1] === SPACE
  return isTask && mayBeTime(bytes, next + 2, end) ? next + 2 : at + 1
}

function behindSpaces(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && bytes[at] === SPACE) at += 1
  return at
}
