// The line of counters that a daemon logs once a minute: what came in, what was kept, what was lost, and how fast.

import type { Log } from '../common/log.ts'
import type { Metrics } from '../common/metric.ts'

export class CounterReport {
  readonly #metrics: Metrics
  readonly #log: Log
  #before = new Map<string, number>()

  constructor(metrics: Metrics, log: Log) {
    this.#metrics = metrics
    this.#log = log
  }

  /** Logs each counter that is not zero, as its total and what the last interval added. */
  async write(): Promise<void> {
    const now = await this.#metrics.snapshot()
    const values: Record<string, string | number> = {}
    for (const [name, value] of now) {
      if (value === 0) continue
      const added = value - (this.#before.get(name) ?? 0)
      const shown = Number.isInteger(value) ? value : Number(value.toFixed(3))
      const label = name.replace(/^sluice_/, '').replace('_total', '')
      values[label] = name.includes('_total') && added > 0 && added !== value ? `${shown} (+${round(added)})` : shown
    }
    this.#before = now
    this.#log.info(values, 'counters')
  }
}

const round = (value: number) => (Number.isInteger(value) ? value : Number(value.toFixed(3)))
