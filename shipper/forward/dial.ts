// From a receiver's address to a connection that can be used, under TLS where it is asked for.

import { RateLimitedWarning } from '../../common/log.ts'
import { inTurn } from '../../common/net/in-turn.ts'
import type { Connection, Endpoint, TlsGreeting, TlsVerify } from '../../common/net/net.ts'
import { inOrder } from '../../common/net/service-order.ts'
import type { Platform } from '../../common/platform.ts'
import { readTlsKeys, type TlsFiles } from '../../common/tls/tls-files.ts'

/** How a receiver is to be met. */
export type ForwardTls = TlsFiles & { readonly verify: TlsVerify }

/** Where to send: an address, or the name of SRV records that say it. */
export interface Receiver extends Endpoint {
  readonly service?: string
}

/** As it is called in log and status. */
export function nameOf({ service, host, port }: Receiver): string {
  return service ?? `${host}:${port}`
}

/**
 * Makes a connection; rejects with the fault that says why there is none. `turn` is how many in a row were made and were of no use
 * (a balancer that takes them and has nobody behind it): then another target, or address, is tried first.
 */
export type Dial = (signal: AbortSignal, turn: number) => Promise<Connection>

/** By the SRV records of a name: asked for at each attempt, and their targets tried in turn. */
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

/** In the plain. */
export function plainDial(to: Endpoint, { net }: Platform): Dial {
  return (signal, turn) => net.connect(to, signal, turn)
}

/**
 * The names of which a receiver's certificate must carry one. SRV records are not to be trusted with it (RFC 6125 §6.2.1): who forges
 * them would lead us to a host of their own, for which they have a certificate. So it is the name that they were asked of, or
 * the target's where that lies below it, and has the same owner.
 */
function certifiedNames({ host }: Endpoint, domain: string | undefined): Pick<TlsGreeting, 'serverName' | 'orName'> {
  const plain = (name: string) => name.replace(/\.$/, '').toLowerCase()
  if (domain === undefined) return { serverName: host.replace(/\.$/, '') }
  const [target, owner] = [plain(host), plain(domain)]
  return target.endsWith(`.${owner}`) ? { serverName: target, orName: owner } : { serverName: owner }
}

/**
 * Under TLS. The files are read for each connection, so that renewed ones are used from the next on. `domain` is the name whose SRV
 * records led to `to`.
 */
export function tlsDial(destination: string, to: Endpoint, tls: ForwardTls, platform: Platform, domain?: string): Dial {
  const { net, disk, log, clock } = platform
  const warning = new RateLimitedWarning(log, clock)
  const names = certifiedNames(to, domain)
  const doubted = (reason: string) => {
    const text = 'the receiver’s certificate does not hold; sent to all the same (`verify: optional`)'
    warning.warn({ destination, to: `${to.host}:${to.port}`, reason }, text)
  }
  // A handshake that fails is a connection of no use, and one that its user never sees.
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
