// Keeps a wrong clock from removing rotated files by age: when the clock has jumped forward by more than a day (it is wrong, or the
// machine was off), none is removed for 24 hours, so that somebody can notice. Archives do the same (`retention.ts`).
//
//   <data>/<destination>/swept      "LAST UNTIL", µs since the epoch: when files were last looked through for old ones, and the end
//                                   of such a wait
//
// They are looked through at every midnight. A jump is what makes that time more than two days old. Once the clock is set back,
// the wait is over.

import { reasonOf } from '../../common/fault.ts'
import { EXPIRY_WAIT_MS } from '../../common/limits.ts'
import type { Platform } from '../../common/platform.ts'

const HOUR_US = 3_600_000_000
const DAY_US = 24 * HOUR_US

interface Swept {
  readonly last: number
  readonly until: number
}

export class ExpiryWait {
  readonly #destination: string
  readonly #folder: string
  readonly #platform: Platform
  /** As it was last written, or should have been. */
  #swept: Promise<Swept> | undefined

  /** `folder` is that of the destination in the data folder. */
  constructor(destination: string, folder: string, platform: Platform) {
    this.#destination = destination
    this.#folder = folder
    this.#platform = platform
  }

  /** Whether files may be removed because of their age. To be called at each look for them, one at a time. */
  async isOver(): Promise<boolean> {
    const { last, until } = await (this.#swept ??= this.#read())
    const now = this.#platform.clock.now()
    const hasJumped = now > last + 2 * DAY_US
    const isSetBack = now < last - DAY_US
    const next = { last: now, until: hasJumped ? now + EXPIRY_WAIT_MS * 1000 : isSetBack ? 0 : until }
    if (next.until !== until || Math.abs(now - last) >= HOUR_US) await this.#write(next)
    return now >= next.until
  }

  async #read(): Promise<Swept> {
    const bytes = await this.#platform.disk.readFile(this.#path, 100).catch(() => undefined)
    const [, last, until] = /^(\d+) (\d+)\n$/.exec(bytes?.toString('latin1') ?? '') ?? []
    // At the first start there is nothing to compare the clock with.
    return last === undefined ? { last: this.#platform.clock.now() - DAY_US, until: 0 } : { last: +last, until: +until }
  }

  // If it cannot be written, a later start waits without need.
  async #write(swept: Swept): Promise<void> {
    const { disk, log } = this.#platform
    this.#swept = Promise.resolve(swept)
    try {
      await disk.makeFolder(this.#folder)
      await disk.replaceFile(this.#path, Buffer.from(`${swept.last} ${swept.until}\n`))
    } catch (error) {
      const values = { destination: this.#destination, path: this.#path }
      log.warn(values, `cannot note when old files were looked for: ${reasonOf(error)}`)
    }
  }

  get #path(): string {
    return `${this.#folder}/swept`
  }
}
