// The bytes that all connections together hold of frames that have not ended yet. The total is bounded: beyond the
// bound, the connection that holds the most delivers its half frame as the first piece of a chunked message.

import { HALF_FRAMES_BYTES_MAX } from '../limits.ts'

/** A connection's half frame, as far as the bound needs to know it. */
export interface HalfFrame {
  /** Bytes that it holds. */
  readonly heldBytes: number
  /** Delivers the held bytes as a piece of a message. */
  giveOut(): void
}

export class HalfFrames {
  readonly #bytesMax: number
  readonly #holders = new Set<HalfFrame>()
  #bytes = 0

  constructor(bytesMax: number = HALF_FRAMES_BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  /** To be called when a holder's `heldBytes` has changed by `bytes`. May call `giveOut` of any holder. */
  changed(holder: HalfFrame, bytes: number): void {
    this.#bytes += bytes
    if (holder.heldBytes === 0) this.#holders.delete(holder)
    else this.#holders.add(holder)
    while (this.#bytes > this.#bytesMax) {
      let largest: HalfFrame | undefined
      for (const each of this.#holders) if (!largest || each.heldBytes > largest.heldBytes) largest = each
      if (!largest) return
      largest.giveOut()
    }
  }
}

/** All half frames of the process, across all sources. */
export const halfFrames = new HalfFrames()
