// Moves batches from a spool to its destination. Several writes are open at a time, and the unbroken run of settled ones is
// acknowledged. After a rejected write, the spool is read again from the last acknowledged position.

import { sleep } from '../clock.ts'
import { reasonOf } from '../fault.ts'
import { RateLimitedWarning } from '../log.ts'
import type { Platform } from '../platform.ts'
import { OpenWrites } from '../pipeline/open-writes.ts'
import type { StoredCount } from '../pipeline/stored-count.ts'
import { releaseBatch, type Batch } from '../pipeline/batch.ts'
import type { Sink } from '../pipeline/sink.ts'
import { Backoff } from '../retry.ts'
import type { Spool } from './spool.ts'

interface OpenWrite {
  /** Position after its last message. */
  readonly end: number
  readonly count: number
  readonly received: number
  settled: boolean
}

export class SpoolPump {
  readonly #spool: Spool
  readonly #name: string
  readonly #sink: Sink
  readonly #platform: Platform
  readonly #stored: StoredCount
  readonly #warning: RateLimitedWarning
  readonly #backoff: Backoff
  readonly #writes: OpenWrites
  readonly #stop = new AbortController()
  #open: OpenWrite[] = []
  #failed = false
  #running: Promise<void> = Promise.resolve()
  /** When something was last acknowledged, by the monotonic clock. */
  #movedMs = 0

  /** Pumps from `spool` into `sink`. `name` is the name of the destination; `stored` counts acknowledged messages. */
  constructor(spool: Spool, name: string, sink: Sink, stored: StoredCount, platform: Platform) {
    this.#spool = spool
    this.#name = name
    this.#sink = sink
    this.#stored = stored
    this.#platform = platform
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
    this.#backoff = new Backoff(platform.random)
    this.#writes = new OpenWrites(sink)
  }

  start(): void {
    this.#movedMs = this.#platform.clock.monotonicMs()
    this.#running = this.#run()
  }

  /** Milliseconds since something was last acknowledged. */
  get stillMs(): number {
    return this.#platform.clock.monotonicMs() - this.#movedMs
  }

  /** Stops reading. Open writes stay open until the destination settles them. */
  stop(): void {
    this.#stop.abort()
    this.#spool.wake()
  }

  /** Call after `stop`: resolves when no write is open. */
  async settled(): Promise<void> {
    await this.#running
    await this.#writes.settled()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    await this.#resume()
    while (!signal.aborted) {
      await this.#writes.room()
      if (this.#failed) await this.#again()
      else await this.#step()
    }
  }

  /**
   * Asks the destination how far it has this stream, and continues after that. Without this, messages that one of several
   * receivers already has could be sent to another one.
   */
  async #resume(): Promise<void> {
    const { stream, isDrained, isAllOwn } = this.#spool
    if (isDrained || !isAllOwn) return
    // If no receiver answers, everything unacknowledged is sent. Each receiver drops what it has itself.
    const marks = await this.#sink.streams?.marks([stream]).catch(() => undefined)
    const stored = marks?.get(stream)
    if (stored === undefined) return
    const waited = this.#spool.messages
    this.#spool.acknowledge(stored)
    this.#stored.add(waited - this.#spool.messages)
    await this.#spool.rewind()
  }

  async #step(): Promise<void> {
    const { signal } = this.#stop
    // Created before reading, so that a group synced in between is not missed.
    const grown = this.#spool.grown()
    let batch: Batch | undefined
    try {
      batch = await this.#spool.next()
    } catch (error) {
      this.#warn(error, 'the spool cannot be read')
      await sleep(this.#platform.clock, this.#backoff.nextMs(), signal)
      return
    }
    if (batch && signal.aborted) releaseBatch(batch)
    else if (batch) this.#write(batch)
    else {
      // With no write open, what lies between the acknowledged position and here can only be skipped damage.
      if (this.#open.length === 0) this.#spool.acknowledge(this.#spool.handedOut)
      if (!signal.aborted) await grown
    }
  }

  #write(batch: Batch): void {
    const write: OpenWrite = {
      ...{ end: this.#spool.handedOut, count: batch.count, received: batch.received, settled: false },
    }
    this.#open.push(write)
    this.#spool.oldest = this.#open[0].received
    this.#writes.write(batch).then(
      () => this.#settled(write),
      (error: unknown) => {
        if (!this.#failed && !this.#stop.signal.aborted) this.#warn(error, 'the destination gave messages back')
        this.#failed = true
      },
    )
  }

  #settled(write: OpenWrite): void {
    write.settled = true
    let end: number | undefined
    while (this.#open.length > 0 && this.#open[0].settled) {
      const acknowledged = this.#open.shift()!
      this.#stored.add(acknowledged.count)
      end = acknowledged.end
    }
    if (end === undefined) return
    this.#backoff.reset()
    this.#movedMs = this.#platform.clock.monotonicMs()
    this.#spool.oldest = this.#open[0]?.received
    this.#spool.acknowledge(end)
  }

  /** After a rejection: nothing may be in flight when the same messages are sent again. */
  async #again(): Promise<void> {
    await this.#writes.settled()
    // Before the backoff: nothing of a segment that is dropped meanwhile is in flight, so its messages count as dropped at once.
    this.#open = []
    await this.#spool.rewind()
    await sleep(this.#platform.clock, this.#backoff.nextMs(), this.#stop.signal)
    this.#failed = false
  }

  #warn(error: unknown, text: string): void {
    const values = { destination: this.#name, reason: reasonOf(error) }
    this.#warning.warn(values, `${text}; will retry`)
  }
}
