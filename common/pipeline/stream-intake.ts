// Passes connections to an intake, with any syslog framing (RFC 6587): one splitter for each connection, and
// backpressure for all at once.
//
//   connection ─▶ splitter ─┐
//   connection ─▶ splitter ─┼─▶ intake ──▶ …
//                           │
//                           └── no room ──▶ no connection is read, and senders wait; or messages are dropped

import { nextTurn, sleep } from '../clock.ts'
import { halfFrames } from '../framing/half-frames.ts'
import { StreamSplitter, type FrameOutput, type FramingMode } from '../framing/stream-splitter.ts'
import { HALF_FRAME_WAIT_MS, READ_OUT_MS, READ_OUT_QUIET_MS } from '../limits.ts'
import type { Connection } from '../net/net.ts'
import type { Platform } from '../platform.ts'
import { newId } from '../random.ts'
import type { Origin } from './batch.ts'
import type { Intake } from './intake.ts'
import type { Overflow } from './overflow.ts'

export interface StreamSettings {
  readonly framing: FramingMode
  readonly messageBytesMax: number
  /** If given, connections are never paused: messages for which there is no room are dropped and counted here. */
  readonly overflow?: Overflow | undefined
}

export interface StreamEvents {
  /** Called with the first bytes of a connection. */
  heard?(connection: Connection, bytes: Buffer): void
  /** Called when a connection has ended or was dropped. */
  left(): void
}

// How often connections are checked for a half frame that is too old. A delay of one second does not matter, and
// checking ten thousand connections takes a tenth of a millisecond.
const SWEEP_MS = 1_000
// How often a stop checks whether everything has been read.
const LOOK_EVERY_MS = 10

interface Open {
  readonly connection: Connection
  readonly splitter: StreamSplitter
  /** When its last bytes arrived, monotonic ms. */
  lastMs: number
  hasSpoken: boolean
  /** Chunks that arrived after reading was paused. */
  stash: Buffer[]
}

export class StreamIntake {
  readonly #settings: StreamSettings
  readonly #events: StreamEvents
  readonly #platform: Platform
  readonly #open = new Set<Open>()
  #intake: Intake | undefined
  /** Accepted connections that are not read yet, because there is no intake or reading is paused. */
  #waiting: [connection: Connection, origin: Origin][] = []
  /** Connections given to `take` so far. */
  #taken = 0
  /** When the last bytes of any connection arrived, monotonic ms. */
  #heardMs = 0
  #braked = false
  #stopped = false

  constructor(settings: StreamSettings, events: StreamEvents, platform: Platform) {
    this.#settings = settings
    this.#events = events
    this.#platform = platform
  }

  /** Starts reading. */
  start(intake: Intake): void {
    this.#intake = intake
    this.#takeWaiting(intake)
    this.#sweep()
  }

  /**
   * Takes a connection that has not been started; its messages have this origin. After `stop` the connection is
   * destroyed.
   */
  take(connection: Connection, origin: Origin): void {
    this.#taken += 1
    if (this.#stopped) {
      connection.destroy()
      this.#events.left()
    } else if (!this.#intake || this.#braked) this.#waiting.push([connection, origin])
    else this.#read(connection, origin, this.#intake)
  }

  /**
   * Before the listeners are closed at a stop: resolves when no more connections come, after at most `READ_OUT_MS`. Node accepts
   * one connection a turn. Closing a listener resets those that wait for it in the kernel, together with what their senders have
   * sent, even if these have gone long since.
   */
  async acceptQueued(): Promise<void> {
    const { clock } = this.#platform
    const endMs = clock.monotonicMs() + READ_OUT_MS
    // The first turn may be over before a connection can be accepted in it.
    for (let quietTurns = 0; quietTurns < 2 && clock.monotonicMs() < endMs;) {
      const before = this.#taken
      await nextTurn(clock)
      quietTurns = this.#taken === before ? quietTurns + 1 : 0
    }
  }

  /**
   * Half-closes all connections and reads what the senders had sent by then, for at most `READ_OUT_MS`. Then half
   * frames are delivered. Time without room does not count: a sender that has closed its connection counts on what it
   * sent, and would not notice if that was not read. Once a drain is over, there is room, and what is read is dropped and counted.
   */
  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#intake) await this.#readOut()
    for (const [connection] of this.#waiting.splice(0)) {
      connection.destroy()
      this.#events.left()
    }
    for (const open of [...this.#open]) {
      this.#closed(open)
      open.connection.destroy()
    }
  }

  async #readOut(): Promise<void> {
    const { clock } = this.#platform
    for (const { connection } of this.#open) connection.end()
    for (const [connection] of this.#waiting) connection.end()
    let nowMs = clock.monotonicMs()
    let endMs = nowMs + READ_OUT_MS
    this.#heardMs = nowMs
    while (this.#open.size + this.#waiting.length > 0 && nowMs < endMs) {
      if (!this.#braked && (await this.#isQuiet())) return
      await sleep(clock, LOOK_EVERY_MS)
      const passedMs = clock.monotonicMs() - nowMs
      nowMs += passedMs
      if (!this.#braked) continue
      this.#heardMs = nowMs
      endMs += passedMs
    }
  }

  // If this process was suspended or busy meanwhile, what senders have sent is still in the kernel and is read in the next turn.
  async #isQuiet(): Promise<boolean> {
    const { clock } = this.#platform
    const hasBeen = () => clock.monotonicMs() - this.#heardMs >= READ_OUT_QUIET_MS
    if (!hasBeen()) return false
    await nextTurn(clock)
    return hasBeen()
  }

  #takeWaiting(intake: Intake): void {
    for (const [connection, origin] of this.#waiting.splice(0)) this.#read(connection, origin, intake)
  }

  #read(connection: Connection, origin: Origin, intake: Intake): void {
    const { clock } = this.#platform
    const splitter = this.#splitter(origin, intake)
    const open: Open = { connection, splitter, lastMs: clock.monotonicMs(), hasSpoken: false, stash: [] }
    this.#open.add(open)
    connection.start({
      data: (chunk) => this.#data(open, chunk, intake),
      end: () => {
        this.#closed(open)
        connection.end()
      },
      close: () => this.#closed(open),
    })
  }

  #splitter(origin: Origin, intake: Intake): StreamSplitter {
    const { framing, messageBytesMax, overflow } = this.#settings
    const { clock, random } = this.#platform
    return new StreamSplitter(
      { mode: framing, messageBytesMax, halfFrames, origin, newId: () => newId(random), now: () => clock.now() },
      overflow ? droppingOutput(origin, intake, overflow) : outputTo(origin, intake),
    )
  }

  #data(open: Open, chunk: Buffer, intake: Intake): void {
    this.#heardMs = this.#platform.clock.monotonicMs()
    open.lastMs = this.#heardMs
    if (!open.hasSpoken) {
      open.hasSpoken = true
      this.#events.heard?.(open.connection, chunk)
    }
    if (this.#settings.overflow || (!this.#braked && intake.takes(chunk.length))) return open.splitter.feed(chunk)
    open.stash.push(Buffer.from(chunk)) // the connection reuses the chunk's memory
    if (!this.#braked) void this.#brake(intake)
  }

  // All connections pause and resume together: a sender gains nothing by being quick after the pause.
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
    this.#takeWaiting(intake)
  }

  #closed(open: Open): void {
    if (!this.#open.delete(open)) return
    for (const chunk of open.stash.splice(0)) open.splitter.feed(chunk)
    open.splitter.flush()
    this.#events.left()
  }

  #sweep(): void {
    if (this.#stopped) return
    const { clock } = this.#platform
    const due = clock.monotonicMs() - HALF_FRAME_WAIT_MS
    for (const { splitter, stash, lastMs } of this.#open) {
      if (splitter.heldBytes > 0 && stash.length === 0 && lastMs <= due) splitter.flush()
    }
    clock.after(SWEEP_MS, () => this.#sweep())
  }
}

function outputTo(origin: Origin, intake: Intake): FrameOutput {
  return {
    frame: (bytes, start, end, mark) => intake.add(origin, bytes, start, end, mark),
    frames: (bytes, bounds, marks, count) => intake.addAll(origin, bytes, bounds, marks, count),
  }
}

function droppingOutput(origin: Origin, intake: Intake, overflow: Overflow): FrameOutput {
  const output = outputTo(origin, intake)
  return {
    frame(bytes, start, end, mark) {
      if (intake.takes(end - start)) output.frame(bytes, start, end, mark)
      else overflow.drop(1)
    },
    frames(bytes, bounds, marks, count) {
      if (intake.takes(bounds[2 * count - 1] - bounds[0])) output.frames(bytes, bounds, marks, count)
      else overflow.drop(count)
    },
  }
}
