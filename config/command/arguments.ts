// Parsers for flags that several commands share. They throw InvalidArgumentError, which commander reports as a usage error.

import { parseAddress } from '../../common/expression/address.ts'
import { InvalidArgumentError } from './command-line.ts'

/** For a flag that may be given only once. */
export function once(flag: string) {
  return (value: string, before: string | undefined): string => {
    if (before !== undefined) throw new InvalidArgumentError(`${flag} is given twice.`)
    return value
  }
}

/** For a flag that names a file or a folder, and may be given only once. */
export function onePath(flag: string) {
  return (value: string, before: string | undefined): string => once(flag)(named(value), before)
}

/** A path that names something. */
export function named(value: string): string {
  if (value === '') throw new InvalidArgumentError('It must not be empty.')
  return value
}

/** The option `-c FILE` of the commands that read a configuration. */
export const configFile = [
  '-c, --config <file>',
  'configuration file (default: ./sluice.yaml, /etc/sluice/sluice.yaml, else the built-in)',
  onePath('-c'),
] as const

/**
 * `--from ADDR`: the peer that lines are assumed to come from. It must be an address, as the kernel reports it for a connection: no
 * `from:` of a filter would match a name.
 */
export function peerAddress(value: string, before: string | undefined): string {
  const text = once('--from')(value, before)
  if (!parseAddress(text)) throw new InvalidArgumentError('It must be an address, such as 192.0.2.7 or 2001:db8::7.')
  return text
}
