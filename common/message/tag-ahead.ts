// Words after a time that may also be the name of a host: zones (`zone-text.ts`), AM and PM. The next word decides.
//
//   22:14:15 CET web-1 su: hello      a zone: the host follows it
//   22:14:15 CET su: hello            a host: RFC 3164 has no zones, and the word right before the tag is the host

import { isDigit } from './digits.ts'

const SPACE = 0x20
const HASH = 0x23
const PERCENT = 0x25
const DOT = 0x2e
const COLON = 0x3a
const OPEN = 0x5b
const CLOSE = 0x5d
const CAPITAL_A = 0x41
const CAPITAL_M = 0x4d
const CAPITAL_P = 0x50

/** Whether the next word after a space at `at` is `tag:`, `tag[pid]:` or `tag[pid]`, and not a Cisco event (`%SYS-5-…`). */
export function beginsTag(bytes: Uint8Array, at: number, limit: number): boolean {
  while (at < limit && bytes[at] === SPACE) at += 1
  if (at >= limit || isDigit(bytes[at]) || bytes[at] === PERCENT || bytes[at] === HASH) return false
  const start = at
  while (at < limit && bytes[at] !== SPACE && bytes[at] !== COLON && bytes[at] !== OPEN) at += 1
  if (at === start || at >= limit) return false
  if (bytes[at] === OPEN) {
    while (at < limit && bytes[at] !== SPACE && bytes[at] !== CLOSE) at += 1
    if (at >= limit || bytes[at] === SPACE) return false
    at += 1
    return at >= limit || bytes[at] === SPACE || bytes[at] === COLON
  }
  return bytes[at] === COLON && (at + 1 >= limit || bytes[at + 1] === SPACE)
}

/**
 * Returns the position after ` AM` or ` PM` at `at`; else `at`. A fraction may follow (`10:14:15 PM.003`); a colon
 * only before a Cisco event.
 */
export function afterHalfDay(bytes: Uint8Array, at: number, limit: number): number {
  const end = at + 3
  if (end > limit || bytes[at] !== SPACE || bytes[at + 2] !== CAPITAL_M) return at
  if (bytes[at + 1] !== CAPITAL_A && bytes[at + 1] !== CAPITAL_P) return at
  if (end === limit || bytes[end] === SPACE) return beginsTag(bytes, end, limit) ? at : end
  if (bytes[end] === COLON) return end + 2 < limit && bytes[end + 2] === PERCENT ? end : at
  return bytes[end] === DOT && end + 1 < limit && isDigit(bytes[end + 1]) ? end : at
}
