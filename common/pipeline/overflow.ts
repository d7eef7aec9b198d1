// Counts and logs dropped messages: those of a source that cannot apply backpressure and has no room (the newest are
// dropped), and those that a destination rejected and the source cannot read again. Counters are updated once per
// turn of the event loop, since updating a metric for each message would slow down what is too slow already. The
// first drop is logged at once and further ones every ten seconds, so that the last line has the total.

import type { Cancel } from '../clock.ts'
import type { DropReason } from '../metric.ts'
import type { Platform } from '../platform.ts'

const REPORT_EVERY_MS = 10_000

export class Overflow {
  readonly #source: string
  readonly #reason: DropReason
  readonly #platform: Platform
  #fault: string | undefined
  #uncounted = 0
  #total = 0
  #reported = 0
  #cancelReport: Cancel | undefined

  constructor(source: string, reason: DropReason, platform: Platform) {
    this.#source = source
    this.#reason = reason
    this.#platform = platform
  }

  /** Records `messages` more drops: for lack of room, or because of `fault`. The log shows the last fault. */
  drop(messages: number, fault?: string): void {
    this.#fault = fault
    if (this.#uncounted === 0) this.#platform.clock.soon(() => this.#count())
    this.#uncounted += messages
  }

  /** Counts and logs the remaining drops. */
  close(): void {
    this.#count()
    this.#cancelReport?.()
    this.#reportWhatIsNew()
  }

  #count(): void {
    const dropped = this.#uncounted
    this.#uncounted = 0
    this.#total += dropped
    if (dropped === 0) return
    this.#platform.metrics.count('sluice_dropped_total', { reason: this.#reason, where: this.#source }, dropped)
    if (!this.#cancelReport) this.#report()
  }

  #report(): void {
    this.#reportWhatIsNew()
    this.#cancelReport = this.#platform.clock.after(REPORT_EVERY_MS, () => {
      this.#cancelReport = undefined
      if (this.#total > this.#reported) this.#report()
    })
  }

  #reportWhatIsNew(): void {
    if (this.#total === this.#reported) return
    this.#reported = this.#total
    const values = { source: this.#source, soFar: this.#total }
    if (this.#fault === undefined) this.#platform.log.warn(values, 'messages dropped: the destinations are too slow')
    else this.#platform.log.warn({ ...values, reason: this.#fault }, 'messages dropped')
  }
}
