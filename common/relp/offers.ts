// What two RELP peers tell each other at `open`: lines of name and value (librelp's protocol description, "offers").
//
//   relp_version=0⏎
//   relp_software=sluice⏎
//   commands=syslog,batch,marks,retire
//
// A peer ignores names that it does not know. The commands beside `syslog` are our own (docs/protocol.md).

/** Ours, where the peer has them too. They come together: `batch` stands for all. */
const OWN_COMMANDS = 'batch,marks,retire'

export interface Offers {
  /** The one version there is. */
  readonly isVersion0: boolean
  readonly hasSyslog: boolean
  readonly hasBatch: boolean
}

export function offersText(withBatch: boolean): string {
  return `relp_version=0\nrelp_software=sluice\ncommands=syslog${withBatch ? `,${OWN_COMMANDS}` : ''}`
}

/** Reads `[start, end)`, in any order of lines, with or without a last LF. */
export function parseOffers(bytes: Buffer, start: number, end: number): Offers {
  const values = new Map<string, string>()
  for (const line of bytes.toString('latin1', start, Math.min(end, start + OFFERS_BYTES_MAX)).split('\n')) {
    const equals = line.indexOf('=')
    if (equals > 0) values.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim())
  }
  const commands = (values.get('commands') ?? '').split(',').map((name) => name.trim())
  return {
    isVersion0: /^[01]$/.test(values.get('relp_version') ?? ''),
    hasSyslog: commands.includes('syslog'),
    hasBatch: commands.includes('batch'),
  }
}

const OFFERS_BYTES_MAX = 4096
