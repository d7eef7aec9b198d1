// Receives syslog over TCP (RFC 6587), and over TLS. A connection costs no more than its splitter, so there may be thousands.

import type { FramingMode } from '../../common/framing/stream-splitter.ts'
import type { Connection, Endpoint, Listener } from '../../common/net/net.ts'
import type { Origin } from '../../common/pipeline/batch.ts'
import type { Intake } from '../../common/pipeline/intake.ts'
import { StreamIntake } from '../../common/pipeline/stream-intake.ts'
import type { Platform } from '../../common/platform.ts'
import type { ConnectionGate } from './connection-gate.ts'
import type { TlsAcceptor } from './tls-acceptor.ts'

/** The settings that the listeners of a source share. */
export interface ListenerSettings {
  readonly source: string
  readonly framing: FramingMode
  readonly messageBytesMax: number
  readonly connectionsMax: number
  /** Whether this address may send (`allow:`). */
  allows(host: string): boolean
  /** The origin of messages from this address. */
  originOf(host: string): Origin
}

export class TcpListener {
  readonly #settings: ListenerSettings
  readonly #platform: Platform
  readonly #gate: ConnectionGate
  readonly #streams: StreamIntake
  readonly #listeners: Listener[] = []
  #stopped = false

  constructor(settings: ListenerSettings, gate: ConnectionGate, platform: Platform) {
    this.#settings = settings
    this.#gate = gate
    this.#platform = platform
    const events = {
      heard: (connection: Connection, bytes: Buffer) => gate.hears(connection, bytes),
      left: () => gate.leave(),
    }
    this.#streams = new StreamIntake(settings, events, platform)
  }

  /** Listens on another address; with `acceptor`, for TLS. Resolves to its port. */
  async listen(at: Endpoint, acceptor?: TlsAcceptor): Promise<number> {
    const listener = await this.#platform.net.listen(at, (connection) => this.#accept(connection, acceptor))
    this.#listeners.push(listener)
    return listener.port
  }

  /** Begins to read. */
  start(intake: Intake): void {
    this.#streams.start(intake)
  }

  /** Stops accepting, reads what has been sent until then, and emits incomplete frames as messages. */
  async stop(): Promise<void> {
    await this.#streams.acceptQueued()
    this.#stopped = true
    await Promise.all(this.#listeners.map((listener) => listener.close()))
    await this.#streams.stop()
  }

  #accept(connection: Connection, acceptor: TlsAcceptor | undefined): void {
    if (this.#stopped) return connection.destroy()
    if (!this.#gate.admits(connection)) return
    if (acceptor) void acceptor.lead(connection, (secured) => this.#take(secured))
    else this.#take(connection)
  }

  #take(connection: Connection): void {
    this.#streams.take(connection, this.#settings.originOf(connection.peer.host))
  }
}
