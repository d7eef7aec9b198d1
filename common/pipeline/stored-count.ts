// How many messages a destination has stored: acknowledged, less those that it dropped one by one and acknowledges with the others of
// their batch. So that what it was given is what is stored, dropped, and still open.

import type { Metrics } from '../metric.ts'
import type { Destination } from './sink.ts'

export class StoredCount {
  readonly #destination: Pick<Destination, 'name' | 'dropped'>
  readonly #metrics: Metrics
  #dropped = 0

  constructor(destination: Pick<Destination, 'name' | 'dropped'>, metrics: Metrics) {
    this.#destination = destination
    this.#metrics = metrics
  }

  /** So many messages more are acknowledged. */
  add(messages: number): void {
    // Of a batch that is open yet some may have been dropped already: those count against what is acknowledged later.
    const dropped = Math.min(messages, (this.#destination.dropped ?? 0) - this.#dropped)
    this.#dropped += dropped
    const stored = messages - dropped
    if (stored > 0) this.#metrics.count('sluice_stored_total', { destination: this.#destination.name }, stored)
  }
}
