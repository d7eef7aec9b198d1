// Who may connect, and how many at a time: one gate for all listeners of a source.

import { CONNECTIONS_OPEN_PART } from '../../common/limits.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import type { Connection } from '../../common/net/net.ts'
import { hasLastDescriptor, LAST_DESCRIPTOR, OpenShare } from '../../common/open-share.ts'
import type { Platform } from '../../common/platform.ts'
import { isTlsHello } from '../../common/tls/tls-record.ts'
import type { ListenerSettings } from './tcp-listener.ts'

const share = new OpenShare(CONNECTIONS_OPEN_PART)

const REFUSED = {
  not_allowed: 'connection refused',
  max_connections: 'connection refused',
  descriptors: LAST_DESCRIPTOR,
}

export class ConnectionGate {
  readonly #settings: ListenerSettings
  readonly #platform: Platform
  readonly #warning: RateLimitedWarning
  #count = 0

  constructor(settings: ListenerSettings, platform: Platform) {
    this.#settings = settings
    this.#platform = platform
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
  }

  /** From now on its source has a share of what the process may open. */
  open(): void {
    share.begin(this.#platform.disk)
  }

  close(): void {
    share.end(this.#platform.disk)
  }

  /** Whether this connection is taken: then `leave` is due when it is over. Else it has been closed and counted. */
  admits(connection: Connection): boolean {
    const { source } = this.#settings
    const { host } = connection.peer
    const reason = this.#against(connection)
    if (reason === undefined) {
      this.#changed(1)
      return true
    }
    this.#platform.metrics.count('sluice_connections_refused_total', { source, reason }, 1)
    const max = reason === 'max_connections' && { max: this.#max }
    this.#warning.warn({ source, peer: host, reason, ...max }, REFUSED[reason])
    connection.destroy()
    return false
  }

  #against(connection: Connection): keyof typeof REFUSED | undefined {
    if (!this.#settings.allows(connection.peer.host)) return 'not_allowed'
    if (this.#count >= this.#max) return 'max_connections'
    return hasLastDescriptor(connection, this.#platform.disk) ? 'descriptors' : undefined
  }

  get #max(): number {
    return Math.min(this.#settings.connectionsMax, share.of(this.#platform.disk))
  }

  /** The first bytes of one that came through: TLS where none is spoken is taken as it is, and said. */
  hears(connection: Connection, bytes: Buffer): void {
    if (!isTlsHello(bytes)) return
    const { host: peer } = connection.peer
    this.#warning.warn(
      { source: this.#settings.source, peer },
      'a peer speaks TLS to a port that does not: it wants tls:// or relps:// here',
    )
  }

  leave(): void {
    this.#changed(-1)
  }

  #changed(by: number): void {
    this.#count += by
    this.#platform.metrics.set('sluice_connections', { source: this.#settings.source }, this.#count)
  }
}
