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

  /**
   * Logs what is not zero, each under the name and the labels that the handbook has for it, and beside these totals what
   * the last interval added to them. Numbers stay numbers, for whoever reads the log by program.
   */
  async write(): Promise<void> {
    const now = await this.#metrics.snapshot()
    const totals: Record<string, number> = {}
    const added: Record<string, number> = {}
    for (const [name, value] of now) {
      if (value === 0) continue
      totals[name] = rounded(value)
      const before = this.#before.get(name) ?? 0
      if (name.includes('_total') && before > 0 && value > before) added[name] = rounded(value - before)
    }
    this.#before = now
    this.#log.info(Object.keys(added).length === 0 ? totals : { ...totals, added }, 'counters')
  }
}

const rounded = (value: number) => (Number.isInteger(value) ? value : Number(value.toFixed(3)))
