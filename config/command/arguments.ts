// What commander is given to read the values of several commands' flags with; what it throws is a usage error.

import { parseAddress } from '../../common/expression/address.ts'
import { InvalidArgumentError } from './command-line.ts'

/** For a flag of which there can be one: of two values, neither is more meant than the other. */
export function once(flag: string) {
  return (value: string, before: string | undefined): string => {
    if (before !== undefined) throw new InvalidArgumentError(`${flag} is given twice.`)
    return value
  }
}

/**
 * `--from ADDR`: the peer that lines are taken to come from. In a daemon it is what the kernel says of a connection, and so an address;
 * a name would be matched by no `from:` of a filter.
 */
export function peerAddress(value: string, before: string | undefined): string {
  const text = once('--from')(value, before)
  if (!parseAddress(text)) throw new InvalidArgumentError('It must be an address, such as 192.0.2.7 or 2001:db8::7.')
  return text
}
