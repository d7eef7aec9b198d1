// Does the TLS handshake between the gate and a listener. A connection whose handshake fails is closed and counted, and logged at
// a limited rate; others are not affected.

import { Fault, reasonOf } from '../../common/fault.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import type { Connection, TlsServer, TlsVerify } from '../../common/net/net.ts'
import type { Platform } from '../../common/platform.ts'
import { readTlsKeys, type TlsFiles } from '../../common/tls/tls-files.ts'
import type { ConnectionGate } from './connection-gate.ts'

export class TlsAcceptor {
  readonly #source: string
  readonly #files: TlsFiles & { readonly verify: TlsVerify }
  readonly #gate: ConnectionGate
  readonly #platform: Platform
  readonly #warning: RateLimitedWarning
  readonly #greeted = new Set<Connection>()
  #server: TlsServer | undefined
  #stopped = false

  constructor(
    source: string,
    files: TlsFiles & { readonly verify: TlsVerify },
    gate: ConnectionGate,
    platform: Platform,
  ) {
    this.#source = source
    this.#files = files
    this.#gate = gate
    this.#platform = platform
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
  }

  /** Reads certificate and key; rejects with `TLS_KEYS`. Call before the first `lead`. */
  async open(): Promise<void> {
    const { net, disk } = this.#platform
    this.#server = net.tlsServer(await readTlsKeys(this.#files, disk), this.#files.verify)
  }

  /** Reads certificate and key again, for later handshakes; rejects with `TLS_KEYS`, and then keeps the old ones. */
  async renew(): Promise<void> {
    this.#server?.renew(await readTlsKeys(this.#files, this.#platform.disk))
  }

  /** Does the handshake of a connection that the gate admitted, and passes it to `take`. If it fails, calls `leave` of the gate. */
  async lead(connection: Connection, take: (secured: Connection) => void): Promise<void> {
    this.#greeted.add(connection)
    try {
      const secured = await this.#server!.secure(connection)
      if (!this.#stopped) return take(secured)
      secured.destroy()
    } catch (error) {
      this.#failed(connection, error)
    } finally {
      this.#greeted.delete(connection)
    }
    this.#gate.leave()
  }

  /** Aborts all handshakes. */
  stop(): void {
    this.#stopped = true
    for (const connection of this.#greeted) connection.destroy()
  }

  // A peer that left without sending a byte, such as a health check, is not counted as a failure.
  #failed(connection: Connection, error: unknown): void {
    if (this.#stopped || (error instanceof Fault && error.code === 'CONNECTION_LOST')) return
    const source = this.#source
    const reason = error instanceof Fault ? error.detail : reasonOf(error)
    this.#platform.metrics.count('sluice_tls_handshake_failed_total', { source }, 1)
    this.#warning.warn({ source, peer: connection.peer.host, reason }, 'TLS handshake failed')
  }
}
