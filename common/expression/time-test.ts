// Tests of the time of a message. Bounds are inclusive, as in journalctl. `2h` and `today` are relative to `now` of the rows, so that
// they stay correct in a filter that runs for months.

import type { Zone } from '../message/zone.ts'
import type { Rows } from './rows.ts'
import type { Test } from './test.ts'
import { resolveTime, type TimeSpec } from './time.ts'

/** If the time of a message is further ahead than this, the time of receipt is used in its place. */
export const AHEAD_MAX_US = 3600 * 1_000_000

export class TimeTest implements Test {
  readonly cost = 3
  readonly #bound: 'since' | 'until'
  readonly #time: TimeSpec
  readonly #zone: Zone

  constructor(bound: 'since' | 'until', time: TimeSpec, zone: Zone) {
    this.#bound = bound
    this.#time = time
    this.#zone = zone
  }

  narrow({ count, table, runs, received, now }: Rows, open: Uint8Array): void {
    const bound = resolveTime(this.#time, now, this.#zone)
    const [low, high] = this.#bound === 'since' ? [bound, Infinity] : [-Infinity, bound]
    const { times } = table
    let i = 0
    for (const run of runs) {
      const arrived = run.received ?? received
      for (const end = i + run.count; i < end && i < count; i += 1) {
        // A missing time is NaN, for which the comparison is false, so that it is replaced as well.
        const time = times[i] <= arrived + AHEAD_MAX_US ? times[i] : arrived
        if (time < low || time > high) open[i] = 0
      }
    }
  }
}
