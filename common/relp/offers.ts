// The offers that two RELP peers exchange at `open`: lines of name and value (librelp's protocol description, "offers").
//
//   relp_version=0⏎
//   relp_software=sluice⏎
//   commands=syslog,batch,marks,retire
//
// A peer ignores names that it does not know. The commands other than `syslog` are our own (docs/protocol.md).

/** Our own commands. They are always offered together: `batch` stands for all three. */
const OWN_COMMANDS = 'batch,marks,retire'

export interface Offers {
  /** Whether the peer offers version 0 or 1. There is only one version of the protocol. */
  readonly isVersion0: boolean
  readonly hasSyslog: boolean
  readonly hasBatch: boolean
}

export function offersText(withBatch: boolean): string {
  return `relp_version=0\nrelp_software=sluice\ncommands=syslog${withBatch ? `,${OWN_COMMANDS}` : ''}`
}

/** Reads the offers in `[start, end)`. The lines may have any order; the LF after the last one is optional. */
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
