// The line of counters that a daemon logs once a minute: what was received, stored and dropped, and how much since the last line.

import type { Log } from '../common/log.ts'
import type { Metrics } from '../common/metric.ts'

export class CounterReport {
  readonly #metrics: Metrics
  readonly #log: Log
  /** The values of the last line; undefined before the first. */
  #before: ReadonlyMap<string, number> | undefined

  constructor(metrics: Metrics, log: Log) {
    this.#metrics = metrics
    this.#log = log
  }

  /**
   * Logs all counters that are not zero, with the names and labels of the handbook, and under `added` by how much they have grown since
   * the last line. Values are numbers, so that programs can read them.
   */
  async write(): Promise<void> {
    const now = await this.#metrics.snapshot()
    const totals: Record<string, number> = {}
    const added: Record<string, number> = {}
    for (const [name, value] of now) {
      if (value === 0) continue
      totals[name] = rounded(value)
      const before = this.#before?.get(name) ?? 0
      if (this.#before && name.includes('_total') && value > before) added[name] = rounded(value - before)
    }
    this.#before = now
    this.#log.info(Object.keys(added).length === 0 ? totals : { ...totals, added }, 'counters')
  }
}

const rounded = (value: number) => (Number.isInteger(value) ? value : Number(value.toFixed(3)))
