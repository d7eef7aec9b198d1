// The PRI repeated as a word between the host and the tag:
//
//   Oct 11 22:14:15 bigip1 notice mcpd[5931]: …           F5
//   Oct 11 22:14:15 router daemon.info dnsmasq[12]: …     BusyBox's syslogd, as in older OpenWrt and in access points
//
// Such a word is removed from the message only if it agrees with the PRI, so that no information is lost.

import { facilityNames, severityNames } from './priority.ts'

const SPACE = 0x20
const DOT = 0x2e

const facilities = facilityNames.map((name) => Buffer.from(name))
const severities = severityNames.map((name) => Buffer.from(name))
// BusyBox uses the first name that the C library has for a severity.
const WARN = Buffer.from('warn')
const WARNING = 4

/** Returns the position after a word that names `priority`, and the space after it; else `at`. */
export function afterLevel(bytes: Uint8Array, at: number, end: number, priority: number): number {
  const facility = afterWord(bytes, at, end, facilities[priority >> 3], DOT)
  const severity = priority & 7
  const next = afterWord(bytes, facility, end, severities[severity], SPACE)
  if (next > facility) return next
  if (severity !== WARNING) return at
  const short = afterWord(bytes, facility, end, WARN, SPACE)
  return short > facility ? short : at
}

/** Returns the position after `word` and the byte `stop`; `at` if they are not there. */
function afterWord(bytes: Uint8Array, at: number, end: number, word: Buffer, stop: number): number {
  const next = at + word.length
  if (next >= end || bytes[next] !== stop) return at
  for (let i = 0; i < word.length; i += 1) if (bytes[at + i] !== word[i]) return at
  return next + 1
}
