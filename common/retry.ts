// Exponential backoff with an upper bound and jitter, so that a thousand clients do not return to a restarted server
// at the same moment.

import { RETRY_FIRST_MS, RETRY_MAX_MS } from './limits.ts'
import type { Random } from './random.ts'

export class Backoff {
  readonly #random: Random
  readonly #firstMs: number
  readonly #maxMs: number
  #attempts = 0

  constructor(random: Random, firstMs: number = RETRY_FIRST_MS, maxMs: number = RETRY_MAX_MS) {
    this.#random = random
    this.#firstMs = firstMs
    this.#maxMs = maxMs
  }

  /** How long to wait now, in ms: between half and all of the current step. Each call doubles the step. */
  nextMs(): number {
    const step = Math.min(this.#maxMs, this.#firstMs * 2 ** Math.min(this.#attempts, 30))
    this.#attempts += 1
    return step * (0.5 + this.#random.fraction() / 2)
  }

  /** Starts again with the first step. */
  reset(): void {
    this.#attempts = 0
  }
}
