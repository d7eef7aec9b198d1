// How far a destination that keeps no marks was given each stream since the start, so that it passes nothing on twice.
//
//   client ──batch──▶ relay ──▶ receiver over TCP, which is down
//          ──batch──▶            the client has waited for an answer for 90 s, and sends again what still waits here
//
// A receiver that keeps marks skips such repeats itself. Any other one would get all of it once more for each time that a sender had to
// connect again: behind a receiver that was down for an hour, forty times.

import { GIVEN_STREAMS_MAX } from '../limits.ts'
import type { Metrics } from '../metric.ts'
import { releaseBatch, selectMessages, type Batch } from './batch.ts'
import { freshMessages } from './stream-marks.ts'

export class GivenPositions {
  readonly #destination: string
  readonly #metrics: Metrics
  readonly #positions = new Map<string, number>()

  constructor(destination: string, metrics: Metrics) {
    this.#destination = destination
    this.#metrics = metrics
  }

  /**
   * Writes what the destination was not given before, and counts the rest. `write` settles the batches of a stream in order, and
   * rejects none before the destination closes: so a repeat may be left out, and settles after the batch that has the message. It
   * is called even if no message is left, since that advances marks.
   */
  async writeNew(batch: Batch, write: (batch: Batch) => Promise<void>): Promise<void> {
    const fresh = this.#add(batch)
    if (!fresh) return write(batch)
    const rest = selectMessages(batch, fresh)
    this.#metrics.count('sluice_repeats_total', { destination: this.#destination }, batch.count - rest.count)
    try {
      await write(rest)
    } finally {
      releaseBatch(rest)
    }
  }

  /** A receiver has told a mark of these streams. It skips repeats itself, and if it has lost what it had, it gets that again. */
  forget(ids: Iterable<string>): void {
    for (const id of ids) this.#positions.delete(id)
  }

  /** Notes that the destination is given this batch; returns `freshMessages` of it. */
  #add(batch: Batch): Uint8Array | undefined {
    const fresh = freshMessages(batch, (id) => this.#positions.get(id))
    for (const { stream } of batch.runs) {
      if (!stream) continue
      const position = Math.max(stream.to, this.#positions.get(stream.id) ?? 0)
      // Kept in the order of their last batch: those that have been silent for longest are forgotten first.
      this.#positions.delete(stream.id)
      this.#positions.set(stream.id, position)
      if (this.#positions.size > GIVEN_STREAMS_MAX) this.#positions.delete(this.#positions.keys().next().value!)
    }
    return fresh
  }
}
