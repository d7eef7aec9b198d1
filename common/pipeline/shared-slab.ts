// Room for what comes as a whole batch: small ones lie one behind another in one slab. With a slab of its own each would keep 256 KiB
// from everybody for as long as it is open, and 256 senders of a line each all that there is.

import { SLAB_BYTES } from '../limits.ts'
import type { Slab, SlabPool } from './slab.ts'

// What is larger has a slab of its own, which it fills well enough; what is left of the shared one stays for others.
const SMALL_BYTES = SLAB_BYTES / 4

/** A piece of a slab. */
export interface SlabPiece {
  readonly slab: Slab
  readonly at: number
}

export class SharedSlab {
  readonly #pool: SlabPool
  #slab: Slab | undefined
  #used = 0

  constructor(pool: SlabPool) {
    this.#pool = pool
  }

  /**
   * Room for `bytes`, whose slab the caller holds once; undefined where the pool has none: wait for its `freed()`. `must` goes over the
   * pool's bound.
   */
  take(bytes: number): SlabPiece | undefined
  take(bytes: number, must: true): SlabPiece
  take(bytes: number, must = false): SlabPiece | undefined {
    if (bytes > SMALL_BYTES) {
      const slab = this.#pool.take(bytes, must)
      return slab && { slab, at: 0 }
    }
    if (!this.#slab || this.#used + bytes > this.#slab.bytes.length) {
      const slab = this.#pool.take(SLAB_BYTES, must)
      if (!slab) return undefined
      this.close()
      this.#slab = slab
    }
    const at = this.#used
    this.#used += bytes
    this.#slab.retain()
    return { slab: this.#slab, at }
  }

  /** Lets go of the slab; those who have a piece of it hold it on. */
  close(): void {
    this.#slab?.release()
    this.#slab = undefined
    this.#used = 0
  }
}
