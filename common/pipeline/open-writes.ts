// The open writes of one source, counted in bytes. They tell the source when to stop reading (backpressure), and at a
// stop when everything has settled.

import { OPEN_WRITE_BYTES_MAX } from '../limits.ts'
import { batchWeight, releaseBatch, type Batch } from './batch.ts'
import type { Sink } from './sink.ts'

export class OpenWrites {
  readonly #sink: Sink
  #bytes = 0
  #waiting: { readonly below: number; readonly resolve: () => void }[] = []

  constructor(sink: Sink) {
    this.#sink = sink
  }

  /** Weight (`batchWeight`) of the batches whose write has not settled. */
  get bytes(): number {
    return this.#bytes
  }

  /** True where the source should stop reading until `room()` resolves. */
  get full(): boolean {
    return this.#bytes >= OPEN_WRITE_BYTES_MAX
  }

  /**
   * Writes the batch and releases it when the write has settled. Rejects with the sink's reason, unless `rejected` is
   * given: then `rejected` is called with that reason, and has returned before `settled` resolves.
   */
  async write(batch: Batch, rejected?: (reason: unknown) => void): Promise<void> {
    // An empty batch still carries stream positions. One byte is added so that `settled` waits for it too.
    const bytes = batchWeight(batch) + 1
    this.#bytes += bytes
    try {
      await this.#sink.write(batch)
    } catch (reason) {
      if (!rejected) throw reason
      rejected(reason)
    } finally {
      releaseBatch(batch)
      this.#bytes -= bytes
      this.#wake()
    }
  }

  /**
   * Resolves when there is room for another write. After a full state that is when half of the bound is free, so that
   * reading does not stop and start for every batch.
   */
  room(): Promise<void> {
    return this.full ? this.#below(OPEN_WRITE_BYTES_MAX / 2) : Promise.resolve()
  }

  /** Resolves when no write is open. */
  settled(): Promise<void> {
    return this.#bytes === 0 ? Promise.resolve() : this.#below(1)
  }

  #below(below: number): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ below, resolve }))
  }

  #wake(): void {
    if (this.#waiting.length === 0) return
    const due = this.#waiting.filter(({ below }) => this.#bytes < below)
    if (due.length === 0) return
    this.#waiting = this.#waiting.filter(({ below }) => this.#bytes >= below)
    for (const { resolve } of due) resolve()
  }
}
