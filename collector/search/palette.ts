// Colours on a terminal: severities as in journalctl, and a stable colour for each host.

/** By severity code: err and worse red, warning yellow, notice bold, debug grey. */
export const severityStyles = [
  ...['\x1b[1;31m', '\x1b[1;31m', '\x1b[1;31m', '\x1b[31m'],
  ...['\x1b[33m', '\x1b[1m', '', '\x1b[90m'],
] as const

/** A match: bold red as in grep, or reverse video in a line that is red itself. */
export const MATCH_STYLE = '\x1b[1;31m'
export const MATCH_STYLE_ON_RED = '\x1b[7m'
export const SEPARATOR_STYLE = '\x1b[36m'
export const PLAIN = '\x1b[0m'

// Colours that are used for neither severities nor matches, and are readable on dark and light backgrounds.
const hostStyles = [32, 34, 35, 36, 92, 94, 95, 96].map((code) => `\x1b[${code}m`)

/** The colour of a host. It depends on the name only, so that it is the same in every search. */
export function hostStyle(name: Uint8Array): string {
  let hash = 0x811c9dc5
  for (const byte of name) hash = Math.imul(hash ^ byte, 0x01000193)
  return hostStyles[(hash >>> 8) % hostStyles.length]
}
