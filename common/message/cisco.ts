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
//
// and behind it `: %`, or ` : %` where the time has a zone, before the name of what is reported.

import { HOST } from '../pipeline/header-table.ts'
import { isDigit } from './digits.ts'

const SPACE = 0x20
const PERCENT = 0x25
const STAR = 0x2a
const DASH = 0x2d
const DOT = 0x2e
const COLON = 0x3a
const OPEN = 0x5b
const CLOSE = 0x5d

/**
 * Where the time may begin behind the numbers, the host and the marks at `at`; `at` where there are none. The host's cells of row
 * `row` are filled.
 */
export function behindCiscoPrefix(bytes: Uint8Array, at: number, end: number, cells: Int32Array, row: number): number {
  if (at < end && bytes[at] === COLON) return behindCiscoHost(bytes, behindSpaces(bytes, at + 1, end), end, cells, row)
  const numbered = behindNumber(bytes, at, end)
  if (numbered === at) return behindMark(bytes, at, end)
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

/** Behind a colon that stands alone before Cisco's `%FACILITY-…`; else `at`. */
export function behindLoneColon(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end || bytes[at] !== COLON) return at
  const next = behindSpaces(bytes, at + 1, end)
  return next > at + 1 && next < end && bytes[next] === PERCENT ? next : at
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

/** `1w2d`, `3y12w`: numbers with a unit each. */
function isUptime(bytes: Uint8Array, at: number, end: number): boolean {
  if (!isDigit(bytes[at])) return false
  for (; at < end; at += 1) {
    if (isDigit(bytes[at])) continue
    if (!isDigit(bytes[at - 1]) || !UPTIME_UNITS.includes(bytes[at])) return false
  }
  return true
}

const UPTIME_UNITS = Buffer.from('ywdh')

function behindMark(bytes: Uint8Array, at: number, end: number): number {
  return at < end && (bytes[at] === STAR || bytes[at] === DOT) ? at + 1 : at
}

function behindSpaces(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && bytes[at] === SPACE) at += 1
  return at
}
