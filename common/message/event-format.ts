// Events of security products, which are sent inside a syslog message or instead of one:
//
//   CEF:0|Vendor|Product|1.0|100|Name|5|key=value        ArcSight
//   LEEF:1.0|Vendor|Product|1.0|100|key=value            QRadar
//
// As these formats define it, the event is the entire message after a time and a host. Its first word is not read as
// a tag, since users search for `CEF:0|`.

import { isDigit } from './digits.ts'

const COLON = 0x3a
const CEF = Buffer.from('CEF:')
const LEEF = Buffer.from('LEEF:')

/** Whether a CEF or LEEF event begins at `at`. */
export function isEvent(bytes: Uint8Array, at: number, end: number): boolean {
  const name = bytes[at + 3] === COLON ? CEF : LEEF
  if (at + name.length >= end || !isDigit(bytes[at + name.length])) return false
  for (let i = 0; i < name.length; i += 1) if (bytes[at + i] !== name[i]) return false
  return true
}
