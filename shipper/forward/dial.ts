// Makes usable connections from a receiver's address, with TLS if configured.

import { RateLimitedWarning } from '../../common/log.ts'
import { written } from '../../common/net/bind-fault.ts'
import { inTurn } from '../../common/net/in-turn.ts'
import type { Connection, Endpoint, TlsGreeting, TlsVerify } from '../../common/net/net.ts'
import { inOrder } from '../../common/net/service-order.ts'
import type { Platform } from '../../common/platform.ts'
import { readTlsKeys, type TlsFiles } from '../../common/tls/tls-files.ts'

/** TLS settings for connections to a receiver. */
export type ForwardTls = TlsFiles & { readonly verify: TlsVerify }

/** Where to send: an address, or a name whose SRV records give the addresses. */
export interface Receiver extends Endpoint {
  readonly service?: string
}

/** The receiver's name in log lines and status. */
export function nameOf(receiver: Receiver): string {
  return receiver.service ?? written(receiver)
}

/**
 * Makes a connection; rejects with a fault that gives the reason. `turn` is the number of consecutive connections that were of no use
 * (as from a load balancer without a working backend): the attempt then starts with another target or address.
 */
export type Dial = (signal: AbortSignal, turn: number) => Promise<Connection>

/** Connects to the targets of a name's SRV records. They are looked up at each attempt, and the targets are tried in turn. */
export function serviceDial(service: string, dialTo: (to: Endpoint) => Dial, { net, random }: Platform): Dial {
  return async (signal, turn) => {
    let last: unknown
    const targets = inOrder(await net.services(service), random)
    for (const to of inTurn(targets, turn)) {
      try {
        return await dialTo(to)(signal, Math.floor(turn / targets.length))
      } catch (error) {
        last = error
        if (signal.aborted) break
      }
    }
    throw last
  }
}

/** Connects without TLS. */
export function plainDial(to: Endpoint, { net }: Platform): Dial {
  return (signal, turn) => net.connect(to, signal, turn)
}

/**
 * The names of which the receiver's certificate must contain one. The target of an SRV record cannot be trusted for this (RFC 6125
 * §6.2.1): someone who forges the records could point to their own host, for which they have a certificate. So it is the name that was
 * looked up, or the target if it is a subdomain of that name and thus has the same owner.
 */
function certifiedNames({ host }: Endpoint, domain: string | undefined): Pick<TlsGreeting, 'serverName' | 'orName'> {
  const plain = (name: string) => name.replace(/\.$/, '').toLowerCase()
  if (domain === undefined) return { serverName: host.replace(/\.$/, '') }
  const [target, owner] = [plain(host), plain(domain)]
  return target.endsWith(`.${owner}`) ? { serverName: target, orName: owner } : { serverName: owner }
}

/**
 * Connects with TLS. The key files are read for each connection, so that renewed files are used from the next one on. `domain` is the
 * name whose SRV records led to `to`.
 */
export function tlsDial(destination: string, to: Endpoint, tls: ForwardTls, platform: Platform, domain?: string): Dial {
  const { net, disk, log, clock } = platform
  const warning = new RateLimitedWarning(log, clock)
  const names = certifiedNames(to, domain)
  const doubted = (reason: string) => {
    const text = 'the receiver’s certificate does not hold; sent to all the same (`verify: optional`)'
    warning.warn({ destination, to: written(to), reason }, text)
  }
  // A failed handshake is a connection of no use too, which the caller does not see.
  let failed = 0
  return async (signal, turn) => {
    const keys = await readTlsKeys(tls, disk)
    const connection = await net.connect(to, signal, turn + failed)
    failed += 1
    const secured = await net.secureTo(connection, { ...names, keys, verify: tls.verify, doubted }, signal)
    failed = 0
    return secured
  }
}
