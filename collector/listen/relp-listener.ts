// Receives over RELP, the acknowledged transport. A message is answered only when it is kept. When there is no room for more, no
// connection is read.

import { nextTurn } from '../../common/clock.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import type { Connection, Endpoint, Listener } from '../../common/net/net.ts'
import type { Intake } from '../../common/pipeline/intake.ts'
import { OriginReader } from '../../common/pipeline/origin-bytes.ts'
import { SharedSlab } from '../../common/pipeline/shared-slab.ts'
import type { StreamMarks } from '../../common/pipeline/sink.ts'
import type { Platform } from '../../common/platform.ts'
import { prepareZstdDecompressInto } from '../../common/zstd.ts'
import type { ConnectionGate } from './connection-gate.ts'
import type { TlsAcceptor } from './tls-acceptor.ts'
import { RelpGather } from './relp-gather.ts'
import { RelpSession, type RelpSurroundings } from './relp-session.ts'
import type { ListenerSettings } from './tcp-listener.ts'

// Bounds the bytes taken in one turn of the event loop. A socket is read up to 32 times in a turn, which is a whole window of
// compressed batches. Without this bound nothing is written or synced until all of them are rendered, all are answered together, and
// the sender waits meanwhile: sender and receiver took turns, at three quarters of the throughput.
const TURN_BYTES = 1024 * 1024

export class RelpListener {
  readonly #settings: ListenerSettings
  readonly #gate: ConnectionGate
  readonly #platform: Platform
  readonly #warning: RateLimitedWarning
  readonly #commandWarning: RateLimitedWarning
  readonly #sessions = new Set<RelpSession>()
  readonly #listeners: Listener[] = []
  #shared: RelpSurroundings | undefined
  /** Connections that are accepted but not read yet, because the source does not run yet or is braked. */
  #waiting: Connection[] = []
  #braked = false
  /** Decompressed bytes of the batches taken in this turn of the event loop. */
  #taken = 0
  #stopped = false

  constructor(settings: ListenerSettings, gate: ConnectionGate, platform: Platform) {
    this.#settings = settings
    this.#gate = gate
    this.#platform = platform
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
    this.#commandWarning = new RateLimitedWarning(platform.log, platform.clock)
  }

  /** Listens on another address; with `acceptor`, for TLS. Resolves to its port. */
  async listen(at: Endpoint, acceptor?: TlsAcceptor): Promise<number> {
    prepareZstdDecompressInto()
    const listener = await this.#platform.net.listen(at, (connection) => this.#accept(connection, acceptor))
    this.#listeners.push(listener)
    return listener.port
  }

  /** Begins to read. `streams` has the marks of the streams that other sluices send. */
  start(intake: Intake, streams: StreamMarks | undefined): void {
    const { source, messageBytesMax } = this.#settings
    const platform = this.#platform
    this.#shared = {
      ...{ source, platform, intake, streams, messageBytesMax },
      gather: new RelpGather(intake, platform),
      origins: new OriginReader(),
      slabs: new SharedSlab(platform.slabs),
      warn: (peer, reason) => this.#warning.warn({ source, peer, reason }, 'RELP connection ended'),
      warnOfCommand: (peer, command) => {
        this.#commandWarning.warn({ source, peer, command }, 'a RELP peer sent a command that is not spoken here')
      },
      mayTake: (bytes) => this.#mayTake(bytes),
      brake: () => void this.#brake(),
      isBraked: () => this.#braked || this.#stopped,
    }
    this.#takeWaiting()
  }

  /** Stops accepting and reading. Messages that were taken are still being written. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#listeners.map((listener) => listener.close()))
    for (const connection of this.#waiting.splice(0)) {
      connection.destroy()
      this.#gate.leave()
    }
    for (const { connection } of this.#sessions) connection.pause()
    this.#shared?.gather.close()
    this.#shared?.slabs.close()
  }

  /** Call after `stop`, when all writes have settled: sends the last answers. */
  finish(): void {
    for (const session of this.#sessions) {
      session.connection.resume()
      session.finish()
    }
  }

  #accept(connection: Connection, acceptor: TlsAcceptor | undefined): void {
    if (this.#stopped) return connection.destroy()
    if (!this.#gate.admits(connection)) return
    if (acceptor) void acceptor.lead(connection, (secured) => this.#take(secured))
    else this.#take(connection)
  }

  #take(connection: Connection): void {
    const shared = this.#shared
    if (!shared || this.#braked) return void this.#waiting.push(connection)
    const session = new RelpSession(connection, this.#settings.originOf(connection.peer.host), shared)
    this.#sessions.add(session)
    let hasSpoken = false
    connection.start({
      data: (chunk) => {
        if (!hasSpoken) this.#gate.hears(connection, chunk)
        hasSpoken = true
        session.data(chunk)
      },
      end: () => session.ended(),
      close: () => this.#closed(session),
    })
  }

  #takeWaiting(): void {
    for (const connection of this.#waiting.splice(0)) this.#take(connection)
  }

  #closed(session: RelpSession): void {
    if (!this.#sessions.delete(session)) return
    session.closed()
    this.#gate.leave()
  }

  #mayTake(bytes: number): boolean {
    if (this.#taken >= TURN_BYTES) return false
    if (this.#taken === 0) this.#platform.clock.soon(() => (this.#taken = 0))
    this.#taken += bytes
    return true
  }

  // All connections are paused and resumed together, so that a sender that is quick after the pause has no advantage.
  async #brake(): Promise<void> {
    if (this.#braked) return
    this.#braked = true
    const { intake } = this.#shared!
    for (const { connection } of this.#sessions) connection.pause()
    let hasRoom = false
    while (!hasRoom && !this.#stopped) {
      // The brake has one of three reasons: the bytes of this turn, too many open writes, or no free slab.
      if (this.#taken >= TURN_BYTES) await nextTurn(this.#platform.clock)
      else await (intake.full ? intake.room() : this.#platform.slabs.freed())
      hasRoom = true
      for (const session of this.#sessions) if (hasRoom) hasRoom = session.read()
    }
    this.#braked = false
    if (this.#stopped) return
    for (const session of this.#sessions) session.resume()
    this.#takeWaiting()
  }
}
