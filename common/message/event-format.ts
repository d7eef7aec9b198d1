// Events of security products, which come in a syslog message or as one:
//
//   CEF:0|Vendor|Product|1.0|100|Name|5|key=value        ArcSight
//   LEEF:1.0|Vendor|Product|1.0|100|key=value            QRadar
//
// By their formats they are the message, whole, behind a time and a host. Their first word is no tag: who looks for events looks
// for `CEF:0|`.

import { isDigit } from './digits.ts'

const COLON = 0x3a
const CEF = Buffer.from('CEF:')
const LEEF = Buffer.from('LEEF:')

/** Whether such an event begins at `at`. */
export function isEvent(bytes: Uint8Array, at: number, end: number): boolean {
  const name = bytes[at + 3] === COLON ? CEF : LEEF
  if (at + name.length >= end || !isDigit(bytes[at + name.length])) return false
  for (let i = 0; i < name.length; i += 1) if (bytes[at + i] !== name[i]) return false
  return true
}
