// Faults of addresses that cannot be listened on.

import { errnoOf, Fault, reasonOf } from '../fault.ts'
import type { Endpoint } from './net.ts'

/** Formats an address as `host:port`, with IPv6 in brackets. */
export function written({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Converts an error of listen(2) or bind(2) to a fault. `protocol` is `tcp` or `udp`. */
export function bindFault(error: unknown, at: Endpoint, protocol: string): Fault {
  const where = `${protocol} ${written(at)}`
  switch (errnoOf(error)) {
    case 'EADDRINUSE':
      return new Fault('PORT_TAKEN', `${where} is in use by another process`, { cause: error })
    case 'EACCES':
      return new Fault('PORT_FORBIDDEN', `this user may not listen on ${where}`, { cause: error })
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new Fault('HOST_UNRESOLVED', `${at.host} has no address`, { cause: error })
    default:
      return new Fault('ADDRESS_UNAVAILABLE', `cannot listen on ${where}: ${reasonOf(error)}`, { cause: error })
  }
}
