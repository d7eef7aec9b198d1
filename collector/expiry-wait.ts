// Keeps a wrong clock from removing archived days and rotated files by age: when the clock has jumped forward by more than a day (it
// is wrong, or the machine was off), none is removed for 24 hours, so that somebody can notice.
//
//   <data>/<destination>/swept      "LAST UNTIL", µs since the epoch: when old ones were last looked for, and the end of such a wait
//
// Because it is noted, the wait does not begin again at each restart. Once the clock is set back, the wait is over.

import { reasonOf } from '../common/fault.ts'
import { EXPIRY_WAIT_MS } from '../common/limits.ts'
import type { Platform } from '../common/platform.ts'

const HOUR_US = 3_600_000_000
const DAY_US = 24 * HOUR_US

export class ExpiryWait {
  readonly #folder: string
  readonly #looksEveryUs: number
  readonly #with: Pick<Platform, 'clock' | 'disk' | 'log'>
  /** The clock's reading at the last look (µs since the epoch), and its monotonic time (ms). */
  #last: { readonly now: number; readonly ms: number } | undefined
  /** As it was last written, or should have been. */
  #noted = { last: -Infinity, until: 0 }

  /** `folder` is that of the destination in the data folder. Looks are at most `looksEveryUs` apart. */
  constructor(folder: string, looksEveryUs: number, surroundings: Pick<Platform, 'clock' | 'disk' | 'log'>) {
    this.#folder = folder
    this.#looksEveryUs = looksEveryUs
    this.#with = surroundings
  }

  /**
   * Whether something may be removed because of its age. To be called at each look, one at a time. `newest` is the last known time (µs)
   * if no look was noted; without one, the clock is taken to be right.
   */
  async isOver(newest?: number): Promise<boolean> {
    const { clock } = this.#with
    const expected = this.#last
      ? this.#last.now + (clock.monotonicMs() - this.#last.ms) * 1000
      : await this.#expectedAtStart(newest)
    const now = clock.now()
    this.#last = { now, ms: clock.monotonicMs() }
    const { last, until } = this.#noted
    const hasJumped = now > expected + DAY_US
    const isSetBack = now < expected - DAY_US
    const next = hasJumped ? now + EXPIRY_WAIT_MS * 1000 : isSetBack ? 0 : until
    if (next !== until || Math.abs(now - last) >= HOUR_US) await this.#note({ last: now, until: next })
    return now >= next
  }

  // Looks may have gone on for a while after the last one that was noted.
  async #expectedAtStart(newest: number | undefined): Promise<number> {
    const { clock, disk } = this.#with
    const bytes = await disk.readFile(this.#path, 100).catch(() => undefined)
    const [, last, until] = /^(\d+) (\d+)\n$/.exec(bytes?.toString('latin1') ?? '') ?? []
    if (last === undefined) return newest ?? clock.now()
    this.#noted = { last: Number(last), until: Number(until) }
    return this.#noted.last + Math.max(this.#looksEveryUs, HOUR_US)
  }

  // If it cannot be written, a later start waits without need.
  async #note(noted: { last: number; until: number }): Promise<void> {
    const { disk, log } = this.#with
    this.#noted = noted
    try {
      await disk.makeFolder(this.#folder)
      await disk.replaceFile(this.#path, Buffer.from(`${noted.last} ${noted.until}\n`))
    } catch (error) {
      log.warn({ path: this.#path }, `cannot note when something old was looked for: ${reasonOf(error)}`)
    }
  }

  get #path(): string {
    return `${this.#folder}/swept`
  }
}
