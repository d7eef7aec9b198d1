// What is said of files and folders that cannot be read: once each, until they can.

import { isOutOfDescriptors, reasonOf } from '../../common/fault.ts'
import { RateLimitedWarning, type Log } from '../../common/log.ts'
import { MORE_DESCRIPTORS } from '../../common/open-share.ts'
import type { Platform } from '../../common/platform.ts'

const OUT_OF_DESCRIPTORS = `files wait until there are descriptors to open them with; ${MORE_DESCRIPTORS}`

export class Complaints {
  readonly #log: Log
  readonly #outOfDescriptors: RateLimitedWarning
  readonly #said = new Set<string>()

  constructor({ log, clock }: Pick<Platform, 'log' | 'clock'>) {
    this.#log = log
    this.#outOfDescriptors = new RateLimitedWarning(log, clock)
  }

  /** It cannot be read. Where that is for want of descriptors, it says nothing of this one file, and is said once for all. */
  sayOf(path: string, error: unknown): void {
    if (isOutOfDescriptors(error)) this.#outOfDescriptors.warn({ path, reason: reasonOf(error) }, OUT_OF_DESCRIPTORS)
    else this.say(path, reasonOf(error))
  }

  /** It cannot be read. */
  say(path: string, reason: string): void {
    if (this.#said.has(path)) return
    this.#said.add(path)
    this.#log.warn({ path, reason }, 'cannot be read; it is tried again')
  }

  /** It can be read again. */
  settled(path: string): void {
    this.#said.delete(path)
  }

  /** What `work` gives; where it fails, that is said of `path`, and it gives nothing. */
  async unless<T>(
    path: string,
    work: () => Promise<T>,
    failed: (error: unknown) => void = () => {},
  ): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      this.sayOf(path, error)
      failed(error)
      return undefined
    }
  }
}
