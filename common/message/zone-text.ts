// Parses the zone after a time, in the forms in which it is written:
//
//   22:14:15Z   22:14:15+02:00   22:14:15+0200   22:14:15+02       directly after it (RFC 3339, and shorter)
//   22:14:15 UTC   22:14:15 +0200   22:14:15 TZ-6                  as a word of its own
//   22:14:15 GMT+2   22:14:15 UTC+02:00                            an offset relative to a name
//   22:14:15+02:00 DST                                             with a word after it (Huawei)
//
// In `22:14:15 CET su: …`, `CET` is the host, as RFC 3164, rsyslog and syslog-ng read it: after the name of a zone a host must follow.

import { numberAt, twoDigitsAt, UNKNOWN } from './digits.ts'
import { beginsTag } from './tag-ahead.ts'
import { offsetBases, withLetter, zoneOffsets } from './time-words.ts'

const SPACE = 0x20
const COLON = 0x3a
const PLUS = 0x2b
const DASH = 0x2d
const LOWER = 0x20
const SMALL_Z = 0x7a

const HOURS_MAX = 18

/** The last zone that was parsed: minutes east of UTC, and where it ends. */
export const zoneText = { minutes: 0, end: 0 }

/** Whether a byte begins `Z` or `±HH:MM`. */
export const beginsOffset = (byte: number) => (byte | LOWER) === SMALL_Z || isSign(byte)

/** Parses `Z`, `±HH:MM`, `±HHMM` or `±HH` at `at`. Returns true with the result in `zoneText`. */
export function readOffset(bytes: Uint8Array, at: number, limit: number): boolean {
  if (at >= limit) return false
  if ((bytes[at] | LOWER) !== SMALL_Z) return readSigned(bytes, at, limit, 2)
  zoneText.minutes = 0
  zoneText.end = at + 1
  return true
}

/** Parses a zone that is a word of its own after a space at `at`; a colon may follow it. Returns true with the result in `zoneText`. */
export function readZoneWord(bytes: Uint8Array, at: number, limit: number): boolean {
  if (at + 2 > limit || bytes[at] !== SPACE) return false
  const start = at + 1
  if (isSign(bytes[start])) return readSigned(bytes, start, limit, 2) && endsWord(bytes, zoneText.end, limit)
  // Usually this is a host: only words of two to four capitals, alone or followed by a sign, are looked up.
  let end = start
  let word = 0
  for (; end < limit && isCapital(bytes[end]); end += 1) word = withLetter(word, bytes[end])
  if (end - start < 2 || end - start > 4) return false
  if (end < limit && isSign(bytes[end])) {
    return offsetBases.has(word) && readSigned(bytes, end, limit, 1) && endsWord(bytes, zoneText.end, limit)
  }
  if (!endsWord(bytes, end, limit)) return false
  const minutes = zoneOffsets.get(word)
  if (minutes === undefined || beginsTag(bytes, end, limit)) return false
  zoneText.minutes = minutes
  zoneText.end = end
  return true
}

/**
 * Returns the position after ` DST` at `at`, else `at`. Huawei writes it if the offset before it is that of summer time. Right before a
 * tag it is the host.
 */
export function afterDaylight(bytes: Uint8Array, at: number, limit: number): number {
  const end = at + 4
  if (end >= limit || bytes[at] !== SPACE || bytes[at + 1] !== DAYLIGHT[0] || bytes[end] !== SPACE) return at
  const isDaylight = bytes[at + 2] === DAYLIGHT[1] && bytes[at + 3] === DAYLIGHT[2]
  return isDaylight && !beginsTag(bytes, end, limit) ? end : at
}

const DAYLIGHT = Buffer.from('DST')

/** Parses `±HH:MM`, `±HHMM` or `±HH` at `at`; an hour may have one digit if `digitsMin` is 1. */
function readSigned(bytes: Uint8Array, at: number, limit: number, digitsMin: number): boolean {
  if (!isSign(bytes[at])) return false
  let end = at + 3
  let hours = end <= limit ? twoDigitsAt(bytes, at + 1) : UNKNOWN
  if (hours < 0 && digitsMin === 1) {
    end = at + 2
    hours = numberAt(bytes, limit, at + 1, 1)
  }
  if (hours < 0 || hours > HOURS_MAX) return false
  const minutesAt = end < limit && bytes[end] === COLON ? end + 1 : end
  let minutes = minutesAt + 2 <= limit ? twoDigitsAt(bytes, minutesAt) : UNKNOWN
  if (minutes >= 0 && minutes < 60) end = minutesAt + 2
  else minutes = 0
  const offset = hours * 60 + minutes
  zoneText.minutes = bytes[at] === DASH ? -offset : offset
  zoneText.end = end
  return true
}

const isSign = (byte: number) => byte === PLUS || byte === DASH
const isCapital = (byte: number) => byte >= 0x41 && byte <= 0x5a

function endsWord(bytes: Uint8Array, at: number, limit: number): boolean {
  return at >= limit || bytes[at] === SPACE || bytes[at] === COLON
}
