// Who may connect, and how many at a time: one gate for all listeners of a source.

import { RateLimitedWarning } from '../../common/log.ts'
import type { Connection } from '../../common/net/net.ts'
import type { Platform } from '../../common/platform.ts'
import { isTlsHello } from '../../common/tls/tls-record.ts'
import type { ListenerSettings } from './tcp-listener.ts'

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

  /** Whether this connection is taken: then `leave` is due when it is over. Else it has been closed and counted. */
  admits(connection: Connection): boolean {
    const { source, connectionsMax } = this.#settings
    const { host } = connection.peer
    const allowed = this.#settings.allows(host)
    if (allowed && this.#count < connectionsMax) {
      this.#changed(1)
      return true
    }
    const reason = allowed ? 'max_connections' : 'not_allowed'
    this.#platform.metrics.count('sluice_connections_refused_total', { source, reason }, 1)
    this.#warning.warn({ source, peer: host, reason, ...(allowed && { max: connectionsMax }) }, 'connection refused')
    connection.destroy()
    return false
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
