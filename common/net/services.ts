// SRV records (RFC 2782), from the name servers of this machine.

import { Resolver } from 'node:dns/promises'
import { errnoOf, Fault, reasonOf } from '../fault.ts'
import { CONNECT_WAIT_MS } from '../limits.ts'
import type { Service } from './net.ts'

/** The SRV records of a name, from `servers` if given. Rejects with `HOST_UNRESOLVED`, retryable. */
export async function servicesOf(name: string, servers?: readonly string[]): Promise<readonly Service[]> {
  // Created for each lookup: a resolver keeps the name servers that were configured when it was created.
  const resolver = new Resolver({ timeout: CONNECT_WAIT_MS / 2, tries: 2 })
  if (servers) resolver.setServers(servers)
  let records: readonly Service[]
  try {
    records = (await resolver.resolveSrv(name)).map(({ name: host, ...record }) => ({ host, ...record }))
  } catch (cause) {
    const isMissing = errnoOf(cause) === 'ENOTFOUND' || errnoOf(cause) === 'ENODATA'
    const reason = `the SRV records of ${name} are not known: name servers do not answer, or failed (${reasonOf(cause)})`
    throw new Fault('HOST_UNRESOLVED', isMissing ? `${name} has no SRV records` : reason, { retryable: true, cause })
  }
  // A target of "." means that the service is not available.
  const known = records.filter(({ host }) => host !== '' && host !== '.')
  if (known.length > 0) return known
  throw new Fault('HOST_UNRESOLVED', `${name}: its SRV records say that there is no such service`, { retryable: true })
}
