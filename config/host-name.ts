// The name by which this machine appears in messages.

import { hostname } from 'node:os'

/** This machine's host name as one word, as a header needs it (RFC 5424 §6.2.4); `localhost` if the machine has none. */
export function localHostName(name: string = hostname()): string {
  // oxlint-disable-next-line no-control-regex -- they are what must not be in it
  return name.replaceAll(/[\0-\x20\x7f]/g, '_') || 'localhost'
}
