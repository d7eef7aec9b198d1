// How far a destination was given each stream since the start, so that it sends on nothing twice.
//
//   client ──batch──▶ relay ──▶ receiver over TCP, which is down
//          ──batch──▶            the client has waited for an answer for 90 s, and sends again what still waits here
//
// A receiver that keeps marks skips such repeats itself. Any other one would get all of it once more for each time that a sender had to
// connect again: behind a receiver that was down for an hour, forty times.

import { FORWARD_STREAMS_MAX } from '../../common/limits.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import { freshMessages } from '../../common/pipeline/stream-marks.ts'

export class GivenPositions {
  readonly #positions = new Map<string, number>()

  /**
   * Notes that the destination is given this batch. Returns 1 for each message that it was not given before, and 0 for the others;
   * undefined if all are new. What was given is on its way until the destination closes, and a stream settles in order: so a
   * repeat may be left out, and its batch settles after the one that has the message.
   */
  add(batch: Batch): Uint8Array | undefined {
    const fresh = freshMessages(batch, (id) => this.#positions.get(id))
    for (const { stream } of batch.runs) {
      if (!stream) continue
      const position = Math.max(stream.to, this.#positions.get(stream.id) ?? 0)
      // Kept in the order of their last batch: those that have been silent for longest are forgotten first.
      this.#positions.delete(stream.id)
      this.#positions.set(stream.id, position)
      if (this.#positions.size > FORWARD_STREAMS_MAX) this.#positions.delete(this.#positions.keys().next().value!)
    }
    return fresh
  }
}
