// Keeps a wrong clock from removing rotated files by age: when the clock has jumped forward by more than a day (it is wrong, or the
// machine was off), none is removed for 24 hours, so that somebody can notice. The archive does the same (`retention.ts`).
//
//   <data>/<destination>/swept      when files were last looked through for old ones, µs since the epoch
//
// They are looked through every midnight. A jump is what makes that time more than two days old.

import { reasonOf } from '../../common/fault.ts'
import { EXPIRY_WAIT_MS } from '../../common/limits.ts'
import type { Platform } from '../../common/platform.ts'

const HOUR_US = 3_600_000_000
const JUMP_US = 48 * HOUR_US

export class ExpiryWait {
  readonly #destination: string
  readonly #path: string
  readonly #platform: Platform
  /** What `swept` says; NaN if it is missing. */
  #last: Promise<number> | undefined
  /** Monotonic ms; undefined if the clock has not jumped. */
  #untilMs: number | undefined

  constructor(destination: string, folder: string, platform: Platform) {
    this.#destination = destination
    this.#path = `${folder}/swept`
    this.#platform = platform
  }

  /** Whether files may be removed because of their age. To be called at each look for them. */
  async isOver(): Promise<boolean> {
    const { clock, disk, log } = this.#platform
    const destination = this.#destination
    const last = await (this.#last ??= this.#read())
    const now = clock.now()
    if (now > last + JUMP_US) {
      if (this.#untilMs === undefined) {
        this.#untilMs = clock.monotonicMs() + EXPIRY_WAIT_MS
        log.warn({ destination }, 'the clock jumped forward by more than a day: no rotated file expires for 24 hours')
      }
      if (clock.monotonicMs() < this.#untilMs) return false
    }
    this.#untilMs = undefined
    if (Math.abs(now - last) < HOUR_US) return true
    this.#last = Promise.resolve(now)
    try {
      await disk.makeFolder(this.#path.slice(0, this.#path.lastIndexOf('/')))
      await disk.replaceFile(this.#path, Buffer.from(`${now}\n`))
    } catch (error) {
      log.warn({ destination, path: this.#path }, `cannot note when old files were looked for: ${reasonOf(error)}`)
    }
    return true
  }

  async #read(): Promise<number> {
    const bytes = await this.#platform.disk.readFile(this.#path, 100).catch(() => undefined)
    return bytes ? Number.parseInt(bytes.toString('latin1')) : NaN
  }
}
