// Syslog over TCP (RFC 6587): thousands of connections, each with a splitter of its own and nothing else.

import { StreamSplitter, type FrameOutput, type FramingMode } from '../../common/framing/stream-splitter.ts'
import { halfFrames } from '../../common/framing/half-frames.ts'
import { HALF_FRAME_WAIT_MS } from '../../common/limits.ts'
import type { Connection, Endpoint, Listener } from '../../common/net/net.ts'
import type { Origin } from '../../common/pipeline/batch.ts'
import type { Platform } from '../../common/platform.ts'
import { newId } from '../../common/random.ts'
import type { Intake } from '../../common/pipeline/intake.ts'
import type { ConnectionGate } from './connection-gate.ts'
import type { TlsDoor } from './tls-door.ts'

/** What a listener needs to know of its source. */
export interface ListenerSettings {
  readonly source: string
  readonly framing: FramingMode
  readonly messageBytesMax: number
  readonly connectionsMax: number
  /** Whether this address may send. */
  allows(host: string): boolean
  /** The origin of what this address sends. */
  originOf(host: string): Origin
}

// How often connections are looked at for a half frame that has waited too long.
const SWEEP_MS = 5_000

interface Open {
  readonly connection: Connection
  readonly splitter: StreamSplitter
  /** When it last said something, monotonic ms. */
  lastMs: number
  hasSpoken: boolean
  /** What came in after the brake was pulled. */
  stash: Buffer[]
}

export class TcpListener {
  readonly #settings: ListenerSettings
  readonly #platform: Platform
  readonly #gate: ConnectionGate
  readonly #open = new Set<Open>()
  readonly #listeners: Listener[] = []
  #intake: Intake | undefined
  /** Accepted, but not read from yet: the source does not run yet, or brakes. */
  #waiting: Connection[] = []
  #braked = false
  #stopped = false

  constructor(settings: ListenerSettings, gate: ConnectionGate, platform: Platform) {
    this.#settings = settings
    this.#gate = gate
    this.#platform = platform
  }

  /** Listens on one more address, behind a door where it is TLS; resolves to its port. */
  async listen(at: Endpoint, door?: TlsDoor): Promise<number> {
    const listener = await this.#platform.net.listen(at, (connection) => this.#accept(connection, door))
    this.#listeners.push(listener)
    return listener.port
  }

  /** Begins to read. */
  start(intake: Intake): void {
    this.#intake = intake
    this.#takeWaiting()
    this.#sweep()
  }

  /** Stops accepting and reading; half frames come out. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#listeners.map((listener) => listener.close()))
    for (const connection of this.#waiting.splice(0)) {
      connection.destroy()
      this.#gate.leave()
    }
    for (const open of this.#open) {
      this.#gate.leave()
      for (const chunk of open.stash.splice(0)) open.splitter.feed(chunk)
      open.splitter.flush()
      open.connection.destroy()
    }
    this.#open.clear()
  }

  #accept(connection: Connection, door: TlsDoor | undefined): void {
    if (this.#stopped) return connection.destroy()
    if (!this.#gate.admits(connection)) return
    if (door) void door.lead(connection, (secured) => this.#take(secured))
    else this.#take(connection)
  }

  #take(connection: Connection): void {
    const intake = this.#intake
    if (!intake || this.#braked) return void this.#waiting.push(connection)
    const open = this.#opened(connection, intake)
    this.#open.add(open)
    connection.start({
      data: (chunk) => this.#data(open, chunk, intake),
      end: () => this.#end(open),
      close: () => this.#closed(open),
    })
  }

  #takeWaiting(): void {
    for (const connection of this.#waiting.splice(0)) this.#take(connection)
  }

  #opened(connection: Connection, intake: Intake): Open {
    const origin = this.#settings.originOf(connection.peer.host)
    const out: FrameOutput = {
      frame: (bytes, start, end, mark) => intake.add(origin, bytes, start, end, mark),
      frames: (bytes, bounds, marks, count) => intake.addAll(origin, bytes, bounds, marks, count),
    }
    const { framing, messageBytesMax } = this.#settings
    const { clock, random } = this.#platform
    const splitter = new StreamSplitter(
      { mode: framing, messageBytesMax, halfFrames, origin, newId: () => newId(random), now: () => clock.now() },
      out,
    )
    return { connection, splitter, lastMs: clock.monotonicMs(), hasSpoken: false, stash: [] }
  }

  #data(open: Open, chunk: Buffer, intake: Intake): void {
    open.lastMs = this.#platform.clock.monotonicMs()
    if (!open.hasSpoken) {
      open.hasSpoken = true
      this.#gate.hears(open.connection, chunk)
    }
    if (!this.#braked && intake.takes(chunk.length)) return open.splitter.feed(chunk)
    open.stash.push(Buffer.from(chunk)) // the chunk's memory is the connection's
    if (!this.#braked) void this.#brake(intake)
  }

  // Everybody stops, and everybody goes on: a sender is not favoured for being quick after the pause.
  async #brake(intake: Intake): Promise<void> {
    this.#braked = true
    for (const { connection } of this.#open) connection.pause()
    let stashed: Open | undefined
    do {
      await intake.room()
      stashed = undefined
      for (const open of this.#open) {
        while (open.stash.length > 0 && intake.takes(open.stash[0].length)) open.splitter.feed(open.stash.shift()!)
        if (open.stash.length > 0) stashed = open
      }
    } while (stashed)
    this.#braked = false
    for (const { connection } of this.#open) connection.resume()
    this.#takeWaiting()
  }

  #end(open: Open): void {
    this.#closed(open)
    open.connection.end()
  }

  #closed(open: Open): void {
    if (!this.#open.delete(open)) return
    for (const chunk of open.stash.splice(0)) open.splitter.feed(chunk)
    open.splitter.flush()
    this.#gate.leave()
  }

  #sweep(): void {
    if (this.#stopped) return
    const { clock } = this.#platform
    const due = clock.monotonicMs() - HALF_FRAME_WAIT_MS
    for (const open of this.#open) {
      if (open.splitter.heldBytes > 0 && open.stash.length === 0 && open.lastMs <= due) open.splitter.flush()
    }
    clock.after(SWEEP_MS, () => this.#sweep())
  }
}
