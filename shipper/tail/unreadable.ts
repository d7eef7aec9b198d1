// Files that were found but could not be read, for lack of permission or because of disk errors. If such a file is rotated before
// it can be read, it is found by its inode beside its old name.

import { errnoOf } from '../../common/fault.ts'
import type { Platform } from '../../common/platform.ts'
import { newId, type Random } from '../../common/random.ts'
import type { Disk } from '../../common/disk.ts'
import { inodeKey, realPathOf } from './inode.ts'
import type { FoundFile } from './find-files.ts'
import type { RemainderFinder, Remainder } from './remainder-finder.ts'
import { namesOf } from './position-store.ts'

/** A file that was not read and is no longer at a followed name. */
export interface LeftFile {
  /** Its old name. */
  readonly path: string
  /** Its size when it was found, in bytes. */
  readonly size: number
  /** The id of a new stream for it. */
  readonly stream: string
  /** All of the file, if it was found. */
  readonly remainder: Remainder | undefined
}

/** Whether an error is a lack of permission. That seldom goes away by itself, so nothing waits for such a file. */
export const isDenied = (error: unknown) => ['EACCES', 'EPERM'].includes(errnoOf(error) ?? '')

export class Unreadable {
  readonly #lost: RemainderFinder
  readonly #random: Random
  readonly #disk: Disk
  readonly #files = new Map<string, FoundFile & { readonly names: readonly string[]; readonly error: unknown }>()

  constructor(lost: RemainderFinder, { disk, random }: Pick<Platform, 'disk' | 'random'>) {
    this.#lost = lost
    this.#disk = disk
    this.#random = random
  }

  /** Adds a file that could not be read because of `error`. */
  async add(key: string, file: FoundFile, error?: unknown): Promise<void> {
    const realPath = await realPathOf(this.#disk, file.path, key)
    this.#files.set(key, { ...file, names: namesOf({ path: file.path, realPath }), error })
  }

  /** Whether a file may become readable at any time: any but those this user may not read. */
  get isWaitedFor(): boolean {
    return this.#awaited.length > 0
  }

  /** The earliest time of the last write among those files, ms since the epoch; Infinity if there are none. */
  get oldestMs(): number {
    return Math.min(Infinity, ...this.#awaited.map(({ stat }) => stat.modifiedMs))
  }

  get #awaited(): FoundFile[] {
    return [...this.#files.values()].filter(({ error }) => !isDenied(error))
  }

  has(key: string): boolean {
    return this.#files.has(key)
  }

  /** The error because of which this file could not be read. */
  errorOf(key: string): unknown {
    return this.#files.get(key)?.error
  }

  /** Removes a file: it could be opened, or is followed. */
  delete(key: string): void {
    this.#files.delete(key)
  }

  /**
   * The files that have left their names; `found` is what the last sweep has found, by inode key. A file that still cannot be read,
   * or is not followed after this, is returned again by the next call.
   */
  async *left(found: ReadonlyMap<string, unknown>): AsyncGenerator<LeftFile> {
    for (const [key, file] of [...this.#files]) {
      if (found.has(key)) continue
      const stream = newId(this.#random)
      const remainder = await this.#remainder(key, file.names, stream)
      if (remainder === 'later') continue
      if (!remainder) this.#files.delete(key)
      yield { path: file.path, size: file.stat.size, stream, remainder }
    }
  }

  async #remainder(key: string, names: readonly string[], stream: string): Promise<Remainder | undefined | 'later'> {
    try {
      const rotated = await this.#lost.rotatedSince(names, -Infinity)
      const found = rotated.find(({ stat }) => inodeKey(stat) === key)
      return found && ((await this.#lost.whole(found, stream)) ?? 'later')
    } catch (error) {
      if (errnoOf(error) === undefined) throw error
      return 'later'
    }
  }
}
