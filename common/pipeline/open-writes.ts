// A source's open writes: counted in bytes, so that a source knows when to brake and when it has nothing left to wait for.

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

  /** Weight of the batches whose write has not settled. */
  get bytes(): number {
    return this.#bytes
  }

  /** True where the source should stop reading until `room()` resolves. */
  get full(): boolean {
    return this.#bytes >= OPEN_WRITE_BYTES_MAX
  }

  /**
   * Writes and, when that has settled, releases the batch. Rejects with what the sink rejected with; where there is `rejected`, that is
   * told instead, and has returned before `settled` resolves.
   */
  async write(batch: Batch, rejected?: (reason: unknown) => void): Promise<void> {
    // An empty batch still carries stream positions; it counts one byte more, so that `settled` waits for it too.
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

  /** Resolves when there is room for another write: half of the bound is free, so that braking comes in long strokes. */
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
