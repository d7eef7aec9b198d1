// Colours on a terminal: severities as journalctl shows them, and for each host always the same one.

/** By severity code: err and worse red, warning yellow, notice bold, debug grey. */
export const severityStyles = [
  ...['\x1b[1;31m', '\x1b[1;31m', '\x1b[1;31m', '\x1b[31m'],
  ...['\x1b[33m', '\x1b[1m', '', '\x1b[90m'],
] as const

/** What matches: as grep shows it, and otherwise where the line is red itself. */
export const MATCH_STYLE = '\x1b[1;31m'
export const MATCH_STYLE_ON_RED = '\x1b[7m'
export const SEPARATOR_STYLE = '\x1b[36m'
export const PLAIN = '\x1b[0m'

// Colours that neither severities nor matches have, and that can be read on dark and on light.
const hostStyles = [32, 34, 35, 36, 92, 94, 95, 96].map((code) => `\x1b[${code}m`)

/** The colour of a host: of its name alone, so that it is the same in every search. */
export function hostStyle(name: Uint8Array): string {
  let hash = 0x811c9dc5
  for (const byte of name) hash = Math.imul(hash ^ byte, 0x01000193)
  return hostStyles[(hash >>> 8) % hostStyles.length]
}
