// What is said of files and folders that cannot be read: once each, until they can.

import { isOutOfDescriptors, reasonOf } from '../../common/fault.ts'
import { RateLimitedWarning, type Log } from '../../common/log.ts'
import { MORE_DESCRIPTORS } from '../../common/open-share.ts'
import type { Platform } from '../../common/platform.ts'

const OUT_OF_DESCRIPTORS = `files wait until there are descriptors to open them with; ${MORE_DESCRIPTORS}`

export class Complaints {
  readonly #log: Log
  readonly #outOfDescriptors: RateLimitedWarning
  /** Since the last look at everything, and in the time of that look. */
  #said = new Set<string>()
  #saidBefore: ReadonlySet<string> = new Set()

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
    const isKnown = this.#said.has(path) || this.#saidBefore.has(path)
    this.#said.add(path)
    if (isKnown) return
    this.#log.warn({ path, reason }, 'cannot be read; it is tried again')
  }

  /** A look at everything is over, in which all that cannot be read was tried: what was not said again is gone, or can be read. */
  looked(): void {
    this.#saidBefore = this.#said
    this.#said = new Set()
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
