// What all connections together hold of frames that have not ended yet. It is bounded: beyond the bound the connection that
// holds most gives its half frame out as the first piece of a chunked message.

import { HALF_FRAMES_BYTES_MAX } from '../limits.ts'

/** A connection's half frame, as the bound sees it. */
export interface HalfFrame {
  /** Bytes it holds. */
  readonly heldBytes: number
  /** Gives them out. */
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

  /** A holder's bytes have changed by `bytes`. */
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

/** All half frames of the process, over all sources. */
export const halfFrames = new HalfFrames()
