// The queue in front of one destination: bounded in bytes, first in, first out. While it is full, writes wait. That
// is the backpressure on the sources that feed this destination, and on no others. If the wait lasts, it is logged
// once, with the name of the destination.

import type { Cancel, Clock } from '../clock.ts'
import { Fault } from '../fault.ts'
import { QUEUE_BYTES_MAX } from '../limits.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metric.ts'
import { batchWeight, type Batch } from './batch.ts'
import type { Destination, Sink, StreamMarks } from './sink.ts'
import { StoredCount } from './stored-count.ts'

interface Surroundings {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

interface Waiting {
  readonly bytes: number
  readonly begin: () => void
  readonly reject: (fault: Fault) => void
}

// A shorter delay is an ordinary pause of a disk or peer, and is not logged.
const REPORT_AFTER_MS = 1_000

export class DestinationQueue implements Sink {
  readonly destination: Destination
  readonly #surroundings: Surroundings
  readonly #bytesMax: number
  readonly #stored: StoredCount | undefined
  #bytes = 0
  #waiting: Waiting[] = []
  #fullSinceMs = 0
  /** The time for which sources wait has been counted up to here, while they do. */
  #countedMs = 0
  #reportedFull = false
  #cancelReport: Cancel | undefined
  #stopped: Fault | undefined

  constructor(destination: Destination, surroundings: Surroundings, bytesMax: number = QUEUE_BYTES_MAX) {
    this.destination = destination
    this.#surroundings = surroundings
    this.#bytesMax = bytesMax
    if (!destination.countsStored) this.#stored = new StoredCount(destination, surroundings.metrics)
  }

  get streams(): StreamMarks | undefined {
    return this.destination.streams
  }

  write(batch: Batch): Promise<void> {
    if (this.#stopped) return Promise.reject(this.#stopped)
    const bytes = batchWeight(batch)
    if (this.#waiting.length === 0 && this.#fits(bytes)) return this.#begin(batch, bytes)
    if (this.#waiting.length === 0) this.#becomeFull()
    return new Promise((resolve, reject) => {
      // The write begins in the same step in which it leaves the queue, so that nothing overtakes it.
      this.#waiting.push({ bytes, begin: () => resolve(this.#begin(batch, bytes)), reject })
    })
  }

  /**
   * Sets the metric of the bytes that have not settled: those that the destination has, and those waiting for room. Counts the time for
   * which sources have been waiting.
   */
  measure(): void {
    if (this.#waiting.length > 0) this.#countBraked()
    const bytes = this.#waiting.reduce((sum, { bytes }) => sum + bytes, this.#bytes)
    this.#surroundings.metrics.set('sluice_queue_bytes', { destination: this.destination.name }, bytes)
  }

  /** Rejects all waiting writes with `STOPPING`, and every later one: nothing new reaches the destination. */
  stop(): void {
    if (this.#waiting.length > 0) this.#countBraked()
    this.#stopped = new Fault('STOPPING', `${this.destination.name} takes nothing more`)
    for (const { reject } of this.#waiting.splice(0)) reject(this.#stopped)
    this.#cancelReport?.()
  }

  async #begin(batch: Batch, bytes: number): Promise<void> {
    this.#bytes += bytes
    try {
      await this.destination.write(batch)
      this.#stored?.add(batch.count)
    } finally {
      this.#bytes -= bytes
      this.#advance()
    }
  }

  // A batch larger than the whole queue is let through when the queue is empty.
  #fits(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#bytesMax
  }

  #advance(): void {
    if (this.#waiting.length === 0) return
    while (this.#waiting.length > 0 && this.#fits(this.#waiting[0].bytes)) this.#waiting.shift()!.begin()
    if (this.#waiting.length === 0) this.#becomeFree()
  }

  #becomeFull(): void {
    const { clock, log } = this.#surroundings
    this.#fullSinceMs = this.#countedMs = clock.monotonicMs()
    this.#cancelReport = clock.after(REPORT_AFTER_MS, () => {
      this.#reportedFull = true
      log.warn(
        { destination: this.destination.name, bytes: this.#bytes },
        'destination queue is full: its sources wait',
      )
    })
  }

  #becomeFree(): void {
    const { clock, log } = this.#surroundings
    this.#cancelReport?.()
    this.#countBraked()
    if (!this.#reportedFull) return
    this.#reportedFull = false
    const seconds = Math.round((clock.monotonicMs() - this.#fullSinceMs) / 1000)
    log.info({ destination: this.destination.name, seconds }, 'destination queue has room again: its sources continue')
  }

  /** Counts the time for which sources have been waiting, as far as it was not counted before. */
  #countBraked(): void {
    const { clock, metrics } = this.#surroundings
    const nowMs = clock.monotonicMs()
    const seconds = (nowMs - this.#countedMs) / 1000
    this.#countedMs = nowMs
    metrics.count('sluice_braked_seconds_total', { destination: this.destination.name }, seconds)
  }
}
