// What is said of files and folders that cannot be read: once each, until they can.

import { reasonOf } from '../../common/fault.ts'
import type { Log } from '../../common/log.ts'

export class Complaints {
  readonly #log: Log
  readonly #said = new Set<string>()

  constructor(log: Log) {
    this.#log = log
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
  async unless<T>(path: string, work: () => Promise<T>, failed: () => void = () => {}): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      this.say(path, reasonOf(error))
      failed()
      return undefined
    }
  }
}
