// Recognises IPv4 and IPv6 literals in a message without creating a string.

import { digitsAt, isDigit, numberAt } from './digits.ts'

const PERCENT = 0x25
const DOT = 0x2e
const COLON = 0x3a
const LOWER = 0x20
const GROUPS = 8

/**
 * Whether `[at, end)` is an address: `192.0.2.7`, `2001:db8::1`, `::ffff:192.0.2.7`, `fe80::1%eth0` (RFC 4291 §2.2, RFC 4007 §11). A
 * clock (`10:43:21`), a version (`1.2.3`) and `::` alone are none.
 */
export function isAddress(bytes: Uint8Array, at: number, end: number): boolean {
  if (afterIpv4(bytes, at, end) === end) return true
  let groups = 0
  let isShortened = at + 1 < end && bytes[at] === COLON && bytes[at + 1] === COLON
  if (isShortened) at += 2
  for (;;) {
    const ipv4 = afterIpv4(bytes, at, end)
    const next = ipv4 > at ? ipv4 : afterGroup(bytes, at, end)
    if (next === at) return false
    groups += ipv4 > at ? 2 : 1
    if (endsAt(bytes, next, end)) break
    if (ipv4 > at || bytes[next] !== COLON) return false
    at = next + 1
    if (at === end || bytes[at] !== COLON) continue
    if (isShortened) return false
    isShortened = true
    at += 1
    if (endsAt(bytes, at, end)) break
  }
  return isShortened ? groups < GROUPS : groups === GROUPS
}

/** Whether an IPv6 literal ends at `at`: nothing follows, or a zone. */
function endsAt(bytes: Uint8Array, at: number, end: number): boolean {
  if (at === end) return true
  if (bytes[at] !== PERCENT || at + 1 === end) return false
  while (at < end && bytes[at] !== COLON) at += 1
  return at === end
}

/** Where four numbers up to 255, with dots between them, end; `at` if they are not there. */
function afterIpv4(bytes: Uint8Array, at: number, end: number): number {
  let next = at
  for (let part = 0; part < 4; part += 1) {
    if (part > 0) {
      if (next >= end || bytes[next] !== DOT) return at
      next += 1
    }
    const digits = digitsAt(bytes, end, next, 3)
    if (digits === 0 || numberAt(bytes, end, next, digits) > 255) return at
    next += digits
  }
  return next
}

/** Where up to four hexadecimal digits end. */
function afterGroup(bytes: Uint8Array, at: number, end: number): number {
  const last = Math.min(at + 4, end)
  while (at < last && isHexadecimal(bytes[at])) at += 1
  return at
}

function isHexadecimal(byte: number): boolean {
  return isDigit(byte) || ((byte | LOWER) >= 0x61 && (byte | LOWER) <= 0x66)
}
