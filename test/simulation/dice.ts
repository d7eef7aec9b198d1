// The random numbers of a simulation, all of which come from one seed.

import type { Random } from '../../common/random.ts'

export class Dice implements Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  // mulberry32, which has 32 bits of state; the sequences of neighbouring seeds are unrelated.
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let x = this.#state
    x = Math.imul(x ^ (x >>> 15), x | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }

  bytes(count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => this.below(256)))
  }

  /** An integer, 0 ≤ x < `bound`. */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound)
  }

  between(low: number, high: number): number {
    return low + this.fraction() * (high - low)
  }

  chance(share: number): boolean {
    return this.fraction() < share
  }

  one<T>(of: readonly T[]): T {
    return of[this.below(of.length)]
  }

  /** Independent dice: the number of rolls of one does not change what the other rolls. */
  split(): Dice {
    return new Dice(this.below(2 ** 32))
  }
}
