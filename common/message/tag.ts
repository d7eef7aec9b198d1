// Parses the tag of RFC 3164 §4.1.3, and tells it from text that looks like one:
//
//   su:   sshd[2213]:   postfix/smtpd[9]:   sshd(pam_unix)[12]:   (sd-pam):   dhcp,info:   %SYS-5-CONFIG_I:      tags
//   http://…   C:\Windows   10:43:21   10.0.0.1:514   CEF:0|…   Foo::Bar   {"a":1}                               text

import { HOST, KIND, MESSAGE, PID, PROGRAM } from '../pipeline/header-table.ts'
import { isDigit } from './digits.ts'
import { isEvent } from './event-format.ts'

const SPACE = 0x20
const PAREN = 0x28
const PAREN_CLOSE = 0x29
const COMMA = 0x2c
const SLASH = 0x2f
const COLON = 0x3a
const OPEN = 0x5b
const BACKSLASH = 0x5c
const CLOSE = 0x5d

// The bytes allowed in a tag. RFC 3164 §4.1.3 has letters and digits only, but paths, dots, percent signs and the
// like occur in practice.
const TAG_BYTES = new Uint8Array(256)
for (let byte = 0x21; byte < 0x7f; byte += 1) TAG_BYTES[byte] = 1
for (const byte of Buffer.from('[]:"\'`{}<>=,;()|')) TAG_BYTES[byte] = 0
for (let byte = 0x80; byte < 0x100; byte += 1) TAG_BYTES[byte] = 1

export const isTagByte = (byte: number): boolean => TAG_BYTES[byte] === 1

/** `sshd(pam_unix)`, `(sd-pam)`: returns the end of a tag whose parentheses open at `at`; `at` if they are not part of it. */
function afterParentheses(bytes: Uint8Array, at: number, end: number): number {
  let next = at + 1
  while (next < end && isTagByte(bytes[next])) next += 1
  if (next >= end || bytes[next] !== PAREN_CLOSE) return at
  next += 1
  while (next < end && isTagByte(bytes[next])) next += 1
  return next
}

/**
 * `dhcp,info: `, `f09fc2000000,UAP-AC-Pro-Gen2-6.0.14: `: returns the end of a tag that continues with a comma at
 * `at`, if a colon and a space follow it; else `at`. (Topics of MikroTik; address and model of Ubiquiti, after the
 * name that was given to an access point.)
 */
function afterCommas(bytes: Uint8Array, at: number, end: number): number {
  let next = at
  while (next < end && (bytes[next] === COMMA || isTagByte(bytes[next]))) next += 1
  return next + 1 < end && bytes[next] === COLON && bytes[next + 1] === SPACE ? next : at
}

/**
 * Whether what looks like a tag at `start`, with its colon before `at` and no space after it, belongs to the message:
 * `http://…`, `C:\Windows`, a time or an address with a port (`10:43:21`, `2026-11-10T10:43:21`, `10.0.0.1:514`),
 * `CEF:0|…`, `Foo::Bar`.
 */
function isText(bytes: Uint8Array, start: number, at: number, end: number): boolean {
  if (bytes[at] === SLASH) return at + 1 < end && bytes[at + 1] === SLASH
  if (bytes[at - 1] !== COLON || bytes[at - 2] === CLOSE) return false
  if (bytes[at] === BACKSLASH) return true
  // `prog:: text`: the program was given a tag that already ends with a colon.
  if (!isDigit(bytes[at])) return bytes[at] === COLON && at + 1 < end && bytes[at + 1] !== SPACE
  return isDigit(bytes[at - 2]) || isEvent(bytes, start, end)
}

/**
 * Parses `tag: message`, `tag[pid]: message` or `tag[pid] message` at `at`. Returns true if there is a tag. `alone`
 * means that no time precedes it, so that only a tag makes this a header.
 */
export function readTag(
  bytes: Uint8Array,
  at: number,
  end: number,
  cells: Int32Array,
  row: number,
  kind: number,
  alone: boolean,
): boolean {
  const start = at
  while (at < end && TAG_BYTES[bytes[at]] === 1) at += 1
  if (at < end && bytes[at] === PAREN) at = afterParentheses(bytes, at, end)
  else if (at < end && bytes[at] === COMMA && cells[row + HOST + 1] > 0) at = afterCommas(bytes, at, end)
  const tagEnd = at
  if (at === start || at >= end || (bytes[at] !== COLON && bytes[at] !== OPEN)) {
    if (!alone) cells[row + KIND] |= kind
    return false
  }
  let pid = 0
  let pidEnd = 0
  if (bytes[at] === OPEN) {
    pid = at + 1
    at = pid
    while (at < end && bytes[at] !== CLOSE && bytes[at] !== SPACE) at += 1
    if (at >= end || bytes[at] !== CLOSE) {
      if (!alone) cells[row + KIND] |= kind
      return false
    }
    // `app[[APP/PROC/WEB/0]]: …`: a PROCID of Cloud Foundry, which contains brackets itself, after a relay.
    if (bytes[pid] === OPEN && at + 1 < end && bytes[at + 1] === CLOSE) at += 1
    pidEnd = at
    at += 1
  }
  if (at < end && bytes[at] === COLON) at += 1
  else if (alone) return false
  // Without a time before it, any `word:text` is text, except `sshd[12]:text`.
  const isAmbiguous = alone && !(pidEnd > pid && isDigit(bytes[pid]))
  if (at < end && bytes[at] !== SPACE && (isAmbiguous || isText(bytes, start, at, end))) {
    if (!alone) cells[row + KIND] |= kind
    return false
  }
  cells[row + KIND] |= kind
  cells[row + PROGRAM] = start
  cells[row + PROGRAM + 1] = tagEnd
  if (pidEnd > pid) {
    cells[row + PID] = pid
    cells[row + PID + 1] = pidEnd
  }
  if (at < end && bytes[at] === SPACE) at += 1
  cells[row + MESSAGE] = at
  return true
}
