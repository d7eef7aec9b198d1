// Counts the messages that a destination has stored: those acknowledged, minus those that it dropped one by one and
// acknowledges with the rest of their batch. So the messages given to a destination are those stored, those dropped
// and those still open.

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

  /** `messages` more messages have been acknowledged. */
  add(messages: number): void {
    // Some messages of a batch that is still open may have been dropped already: they are deducted from later
    // acknowledgements.
    const dropped = Math.min(messages, (this.#destination.dropped ?? 0) - this.#dropped)
    this.#dropped += dropped
    const stored = messages - dropped
    if (stored > 0) this.#metrics.count('sluice_stored_total', { destination: this.#destination.name }, stored)
  }
}
