// Slab memory for data that arrives as whole batches: small ones share a slab. With a slab of its own, each would
// occupy 256 KiB for as long as it is open, and 256 senders of one line each would use up the pool.

import { SLAB_BYTES } from '../limits.ts'
import type { Slab, SlabPool } from './slab.ts'

// A larger batch gets a slab of its own, which it fills well enough. The rest of the shared slab stays available for
// small ones.
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
   * Allocates `bytes` and retains the slab for the caller. Returns undefined if the pool has no slab: wait for its
   * `freed()`. `must` exceeds the pool's bound.
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

  /** Releases the shared slab. Pieces that were handed out retain it. */
  close(): void {
    this.#slab?.release()
    this.#slab = undefined
    this.#used = 0
  }
}
