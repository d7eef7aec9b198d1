// What a source cannot brake and has no room for is dropped, the newest first, and counted: in one step for many, since a metric
// a message would slow down what is too slow already.

import { RateLimitedWarning } from '../log.ts'
import type { Platform } from '../platform.ts'

export class Overflow {
  readonly #source: string
  readonly #reason: string
  readonly #platform: Platform
  readonly #warning: RateLimitedWarning
  #since = 0
  #inAll = 0

  constructor(source: string, reason: string, platform: Platform) {
    this.#source = source
    this.#reason = reason
    this.#platform = platform
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
  }

  /** So many messages more were dropped. */
  drop(messages: number): void {
    if (this.#since === 0) this.#platform.clock.soon(() => this.count())
    this.#since += messages
  }

  /** Counts what was not counted yet. */
  count(): void {
    const dropped = this.#since
    this.#since = 0
    this.#inAll += dropped
    if (dropped === 0) return
    const source = this.#source
    this.#platform.metrics.count('sluice_dropped_total', { reason: this.#reason, where: source }, dropped)
    this.#warning.warn({ source, soFar: this.#inAll }, 'messages dropped: the destinations are too slow')
  }
}
