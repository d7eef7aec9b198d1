// Warnings about files and folders that cannot be read: one for each, until it can be read again. Paths are name texts (`pattern.ts`).

import { isOutOfDescriptors, reasonOf } from '../../common/fault.ts'
import { RateLimitedWarning, type Log } from '../../common/log.ts'
import { MORE_DESCRIPTORS } from '../../common/open-share.ts'
import type { Platform } from '../../common/platform.ts'
import { shownName } from './pattern.ts'

const OUT_OF_DESCRIPTORS = `no descriptor is left: files wait until there is one; ${MORE_DESCRIPTORS}`

export class ReadWarnings {
  readonly #log: Log
  readonly #outOfDescriptors: RateLimitedWarning
  /** Paths reported in this sweep, and in the one before it. */
  #reported = new Set<string>()
  #reportedBefore: ReadonlySet<string> = new Set()

  constructor({ log, clock }: Pick<Platform, 'log' | 'clock'>) {
    this.#log = log
    this.#outOfDescriptors = new RateLimitedWarning(log, clock)
  }

  /** Reports that `path` cannot be read. A lack of descriptors does not concern one file alone, and is logged once for all. */
  reportError(path: string, error: unknown): void {
    const reason = reasonOf(error)
    if (isOutOfDescriptors(error)) {
      this.#outOfDescriptors.warn({ path: shownName(path), reason }, OUT_OF_DESCRIPTORS)
    } else this.report(path, reason)
  }

  /** Warns that `path` cannot be read, unless that was reported in this sweep or the one before it. */
  report(path: string, reason: string): void {
    const isKnown = this.#reported.has(path) || this.#reportedBefore.has(path)
    this.#reported.add(path)
    if (isKnown) return
    this.#log.warn({ path: shownName(path), reason }, 'cannot be read; will retry')
  }

  /** A sweep has ended. It has tried every unreadable file, so a path that was not reported again is readable or gone. */
  looked(): void {
    this.#reportedBefore = this.#reported
    this.#reported = new Set()
  }

  /** The result of `work`. If it rejects, the error is reported for `path` and passed to `failed`, and the result is undefined. */
  async unless<T>(path: string, work: () => Promise<T>, failed: (error: unknown) => void): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      this.reportError(path, error)
      failed(error)
      return undefined
    }
  }
}
