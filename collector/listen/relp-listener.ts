// RELP connections: the acknowledged way in. Nothing is answered before it is kept, and while nothing more can be taken in,
// nobody is read from.

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
import type { TlsDoor } from './tls-door.ts'
import { RelpGather } from './relp-gather.ts'
import { RelpSession, type RelpSurroundings } from './relp-session.ts'
import type { ListenerSettings } from './tcp-listener.ts'

// A socket is read from up to 32 times in a turn of the event loop, which is a whole window of packed batches. Then nothing
// is written or synced until all of it is rendered, all of it is answered together, and the sender stands still
// meanwhile: sender and receiver took turns, at three quarters of what they make together.
const TURN_BYTES = 1024 * 1024

export class RelpListener {
  readonly #settings: ListenerSettings
  readonly #gate: ConnectionGate
  readonly #platform: Platform
  readonly #warning: RateLimitedWarning
  readonly #sessions = new Set<RelpSession>()
  readonly #listeners: Listener[] = []
  #shared: RelpSurroundings | undefined
  /** Accepted, but not read from yet: the source does not run yet, or brakes. */
  #waiting: Connection[] = []
  #braked = false
  /** Unpacked bytes of batches in this turn of the event loop. */
  #taken = 0
  #stopped = false

  constructor(settings: ListenerSettings, gate: ConnectionGate, platform: Platform) {
    this.#settings = settings
    this.#gate = gate
    this.#platform = platform
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
  }

  /** Listens on one more address, behind a door where it is TLS; resolves to its port. */
  async listen(at: Endpoint, door?: TlsDoor): Promise<number> {
    prepareZstdDecompressInto()
    const listener = await this.#platform.net.listen(at, (connection) => this.#accept(connection, door))
    this.#listeners.push(listener)
    return listener.port
  }

  /** Begins to read. `streams` knows how far the streams of other sluices are stored. */
  start(intake: Intake, streams: StreamMarks | undefined): void {
    const { source, messageBytesMax } = this.#settings
    const platform = this.#platform
    this.#shared = {
      ...{ source, platform, intake, streams, messageBytesMax },
      gather: new RelpGather(intake, platform),
      origins: new OriginReader(),
      slabs: new SharedSlab(platform.slabs),
      warn: (peer, reason) => this.#warning.warn({ source, peer, reason }, 'RELP connection ended'),
      mayTake: (bytes) => this.#mayTake(bytes),
      brake: () => void this.#brake(),
      isBraked: () => this.#braked || this.#stopped,
    }
    this.#takeWaiting()
  }

  /** Stops accepting and reading; what was taken in is on its way. */
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

  /** After `stop`, when everything has settled: the last answers go out. */
  finish(): void {
    for (const session of this.#sessions) {
      session.connection.resume()
      session.finish()
    }
  }

  #accept(connection: Connection, door: TlsDoor | undefined): void {
    if (this.#stopped) return connection.destroy()
    if (!this.#gate.admits(connection)) return
    if (door) void door.lead(connection, (secured) => this.#take(secured))
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
      end: () => connection.end(),
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

  // Everybody stops, and everybody goes on: a sender is not favoured for being quick after the pause.
  async #brake(): Promise<void> {
    if (this.#braked) return
    this.#braked = true
    const { intake } = this.#shared!
    for (const { connection } of this.#sessions) connection.pause()
    let hasRoom = false
    while (!hasRoom && !this.#stopped) {
      // Where neither this turn nor writes are what is too many, slabs are: somebody holds them, or one could be had.
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
