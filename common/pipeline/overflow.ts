// What a source cannot hold back and has no room for is dropped, the newest first, and counted: many at once, since updating a metric
// for each message would slow down what is too slow already. The first drop is logged at once, further ones every ten seconds, so that
// the last line has the total. The same goes for what a destination gives back to a source that cannot read it again.

import type { Cancel } from '../clock.ts'
import type { DropReason } from '../metric.ts'
import type { Platform } from '../platform.ts'

const SAY_EVERY_MS = 10_000

export class Overflow {
  readonly #source: string
  readonly #reason: DropReason
  readonly #platform: Platform
  #fault: string | undefined
  #since = 0
  #inAll = 0
  #said = 0
  #cancelSaying: Cancel | undefined

  constructor(source: string, reason: DropReason, platform: Platform) {
    this.#source = source
    this.#reason = reason
    this.#platform = platform
  }

  /** This many more messages were dropped: for lack of room, or because of `fault`, of which the last one is logged. */
  drop(messages: number, fault?: string): void {
    this.#fault = fault
    if (this.#since === 0) this.#platform.clock.soon(() => this.#count())
    this.#since += messages
  }

  /** Counts and logs the rest. */
  close(): void {
    this.#count()
    this.#cancelSaying?.()
    this.#reportWhatIsNew()
  }

  #count(): void {
    const dropped = this.#since
    this.#since = 0
    this.#inAll += dropped
    if (dropped === 0) return
    this.#platform.metrics.count('sluice_dropped_total', { reason: this.#reason, where: this.#source }, dropped)
    if (!this.#cancelSaying) this.#say()
  }

  #say(): void {
    this.#reportWhatIsNew()
    this.#cancelSaying = this.#platform.clock.after(SAY_EVERY_MS, () => {
      this.#cancelSaying = undefined
      if (this.#inAll > this.#said) this.#say()
    })
  }

  #reportWhatIsNew(): void {
    if (this.#inAll === this.#said) return
    this.#said = this.#inAll
    const values = { source: this.#source, soFar: this.#inAll }
    if (this.#fault === undefined) this.#platform.log.warn(values, 'messages dropped: the destinations are too slow')
    else this.#platform.log.warn({ ...values, reason: this.#fault }, 'messages dropped')
  }
}
