// Tests of a message's time. Both ends belong to what is selected, as in journalctl. `2h` and `today` are counted from
// the rows' `now`, so that they stay true in a filter that runs for months.

import type { Zone } from '../message/zone.ts'
import type { Rows } from './rows.ts'
import type { Test } from './test.ts'
import { resolveTime, type TimeSpec } from './time.ts'

/** A message that is dated further ahead than this is taken to be from when it was received. */
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
      const arrived = run.origin.received ?? received
      for (const end = i + run.count; i < end && i < count; i += 1) {
        // Also where there is no time, since NaN compares with nothing.
        const time = times[i] <= arrived + AHEAD_MAX_US ? times[i] : arrived
        if (time < low || time > high) open[i] = 0
      }
    }
  }
}
