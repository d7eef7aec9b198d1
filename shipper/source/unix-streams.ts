// Connections to a `unix` source: any framing of syslog (syslog(3) ends a message with NUL), split as on TCP.
//
//   drop-newest   read on; a message that there is no room for is counted and dropped
//   block         all connections stop being read until there is room, and their senders wait

import { CONNECTIONS_MAX, HALF_FRAME_WAIT_MS } from '../../common/limits.ts'
import { halfFrames } from '../../common/framing/half-frames.ts'
import { StreamSplitter } from '../../common/framing/stream-splitter.ts'
import type { Connection } from '../../common/net/net.ts'
import type { Origin } from '../../common/pipeline/batch.ts'
import type { Intake } from '../../common/pipeline/intake.ts'
import { Overflow } from '../../common/pipeline/overflow.ts'
import type { Platform } from '../../common/platform.ts'
import { newId } from '../../common/random.ts'

export interface UnixStreamSettings {
  readonly origin: Origin
  readonly messageBytesMax: number
  readonly whenFull: 'drop-newest' | 'block'
}

// How often connections are looked at for a half frame that has waited too long.
const SWEEP_MS = 5_000

interface Open {
  readonly connection: Connection
  readonly splitter: StreamSplitter
  /** When it last said something, monotonic ms. */
  lastMs: number
}

export class UnixStreams {
  readonly #settings: UnixStreamSettings
  readonly #platform: Platform
  readonly #overflow: Overflow
  readonly #open = new Set<Open>()
  /** Accepted before the source runs, or while it brakes. */
  #waiting: Connection[] = []
  #intake: Intake | undefined
  #braked = false
  #stopped = false

  constructor(settings: UnixStreamSettings, platform: Platform) {
    this.#settings = settings
    this.#platform = platform
    this.#overflow = new Overflow(settings.origin.source, 'unix_queue_full', platform)
  }

  accept(connection: Connection): void {
    const { source } = this.#settings.origin
    if (this.#stopped) return connection.destroy()
    if (this.#open.size + this.#waiting.length >= CONNECTIONS_MAX) {
      this.#platform.metrics.count('sluice_connections_refused_total', { source, reason: 'max_connections' }, 1)
      return connection.destroy()
    }
    if (this.#intake && !this.#braked) this.#take(connection, this.#intake)
    else this.#waiting.push(connection)
    this.#tell()
  }

  start(intake: Intake): void {
    this.#intake = intake
    this.#takeWaiting(intake)
    this.#sweep()
  }

  /** Reads no more; half frames come out. */
  stop(): void {
    this.#stopped = true
    for (const connection of this.#waiting.splice(0)) connection.destroy()
    for (const open of [...this.#open]) {
      this.#closed(open)
      open.connection.destroy()
    }
    this.#overflow.count()
  }

  #take(connection: Connection, intake: Intake): void {
    const { clock } = this.#platform
    const open = { connection, splitter: this.#splitter(intake), lastMs: clock.monotonicMs() }
    this.#open.add(open)
    connection.start({
      data: (chunk) => {
        open.lastMs = clock.monotonicMs()
        open.splitter.feed(chunk)
        if (this.#settings.whenFull === 'block' && !intake.takes(chunk.length)) void this.#brake(intake)
      },
      end: () => {
        this.#closed(open)
        connection.end()
      },
      close: () => this.#closed(open),
    })
  }

  #takeWaiting(intake: Intake): void {
    for (const connection of this.#waiting.splice(0)) this.#take(connection, intake)
  }

  #splitter(intake: Intake): StreamSplitter {
    const { origin, messageBytesMax, whenFull } = this.#settings
    const { clock, random } = this.#platform
    const drops = (bytes: number) => whenFull === 'drop-newest' && !intake.takes(bytes)
    return new StreamSplitter(
      {
        ...{ mode: 'auto', messageBytesMax, halfFrames, origin },
        ...{ newId: () => newId(random), now: () => clock.now() },
      },
      {
        frame: (bytes, start, end, mark) => {
          if (drops(end - start)) this.#overflow.drop(1)
          else intake.add(origin, bytes, start, end, mark)
        },
        frames: (bytes, bounds, marks, count) => {
          if (drops(bounds[2 * count - 1] - bounds[0])) this.#overflow.drop(count)
          else intake.addAll(origin, bytes, bounds, marks, count)
        },
      },
    )
  }

  async #brake(intake: Intake): Promise<void> {
    if (this.#braked) return
    this.#braked = true
    for (const { connection } of this.#open) connection.pause()
    await intake.room()
    this.#braked = false
    for (const { connection } of this.#open) connection.resume()
    if (!this.#stopped) this.#takeWaiting(intake)
  }

  #closed(open: Open): void {
    if (!this.#open.delete(open)) return
    open.splitter.flush()
    this.#tell()
  }

  #tell(): void {
    const { source } = this.#settings.origin
    this.#platform.metrics.set('sluice_connections', { source }, this.#open.size + this.#waiting.length)
  }

  #sweep(): void {
    if (this.#stopped) return
    const { clock } = this.#platform
    const due = clock.monotonicMs() - HALF_FRAME_WAIT_MS
    for (const { splitter, lastMs } of this.#open) if (splitter.heldBytes > 0 && lastMs <= due) splitter.flush()
    clock.after(SWEEP_MS, () => this.#sweep())
  }
}
