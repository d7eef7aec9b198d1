// Admits connections by address and number. All listeners of a source share one gate.

import { CONNECTIONS_OPEN_PART } from '../../common/limits.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import { ConnectionLimit } from '../../common/net/connection-limit.ts'
import type { Connection } from '../../common/net/net.ts'
import { OpenShare } from '../../common/open-share.ts'
import type { Platform } from '../../common/platform.ts'
import { isTlsHello } from '../../common/tls/tls-record.ts'
import type { ListenerSettings } from './tcp-listener.ts'

const share = new OpenShare(CONNECTIONS_OPEN_PART)

export class ConnectionGate {
  readonly #settings: ListenerSettings
  readonly #platform: Platform
  readonly #limit: ConnectionLimit
  readonly #warning: RateLimitedWarning

  constructor(settings: ListenerSettings, platform: Platform) {
    this.#settings = settings
    this.#platform = platform
    const max = () => Math.min(settings.connectionsMax, share.of(platform.disk))
    this.#limit = new ConnectionLimit(settings.source, max, platform)
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
  }

  /** Claims a share of the process's descriptor limit for the source. */
  open(): void {
    share.begin(this.#platform.disk)
  }

  close(): void {
    share.end(this.#platform.disk)
  }

  /** Whether this connection is admitted; if not, it is closed and counted. For an admitted one, call `leave` when it has closed. */
  admits(connection: Connection): boolean {
    if (!this.#settings.allows(connection.peer.host)) return this.#limit.refuse(connection, 'not_allowed')
    return this.#limit.admits(connection)
  }

  leave(): void {
    this.#limit.leave()
  }

  /** Call with the first bytes of an admitted connection without TLS: logs a warning if the peer speaks TLS. */
  hears(connection: Connection, bytes: Buffer): void {
    if (!isTlsHello(bytes)) return
    const { host: peer } = connection.peer
    this.#warning.warn(
      { source: this.#settings.source, peer },
      'a peer speaks TLS to a plain port: it needs tls:// or relps:// here',
    )
  }
}
