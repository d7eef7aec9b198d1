// Files that were found and could not be read: without permission, or on a disk that gives errors. One that is rotated before it
// can be read is found by its device and inode, beside its old name.

import { errnoOf } from '../../common/fault.ts'
import type { Platform } from '../../common/platform.ts'
import { newId, type Random } from '../../common/random.ts'
import type { Disk } from '../../common/disk.ts'
import { realPathOf } from './followed-file.ts'
import { inodeKey } from './inode.ts'
import type { FoundFile } from './find-files.ts'
import type { LostRest, Rest } from './lost-rest.ts'
import { namesOf } from './position-store.ts'

/** A file that was not read and is at no followed name any more. */
export interface LeftFile {
  /** Its old name. */
  readonly path: string
  /** Bytes that were seen of it. */
  readonly size: number
  /** A new one. */
  readonly stream: string
  /** All of it, where it is not gone. */
  readonly rest: Rest | undefined
}

/** Whether that is for lack of permission, which seldom comes by itself: nothing else waits for such a file. */
export const isDenied = (error: unknown) => ['EACCES', 'EPERM'].includes(errnoOf(error) ?? '')

export class Unreadable {
  readonly #lost: LostRest
  readonly #random: Random
  readonly #disk: Disk
  readonly #files = new Map<string, FoundFile & { readonly names: readonly string[]; readonly isDenied: boolean }>()

  constructor(lost: LostRest, { disk, random }: Pick<Platform, 'disk' | 'random'>) {
    this.#lost = lost
    this.#disk = disk
    this.#random = random
  }

  /** It cannot be read, for this reason. */
  async add(key: string, file: FoundFile, error?: unknown): Promise<void> {
    const realPath = await realPathOf(this.#disk, file.path, key)
    this.#files.set(key, { ...file, names: namesOf({ path: file.path, realPath }), isDenied: isDenied(error) })
  }

  /** Whether there is one that may be readable at any time: all but what this user may not read. */
  get isWaitedFor(): boolean {
    return this.#awaited.length > 0
  }

  /** When the one of these was written to that was so before all others, ms since the epoch; Infinity where there is none. */
  get oldestMs(): number {
    return Math.min(Infinity, ...this.#awaited.map(({ stat }) => stat.modifiedMs))
  }

  get #awaited(): FoundFile[] {
    return [...this.#files.values()].filter(({ isDenied }) => !isDenied)
  }

  has(key: string): boolean {
    return this.#files.has(key)
  }

  /** It was read, or is followed. */
  delete(key: string): void {
    this.#files.delete(key)
  }

  /**
   * Those that have left their names; `found` is what the last look has found, by inode key. One that still cannot be
   * read, or is not followed then, is asked for again.
   */
  async *left(found: ReadonlyMap<string, unknown>): AsyncGenerator<LeftFile> {
    for (const [key, file] of [...this.#files]) {
      if (found.has(key)) continue
      const stream = newId(this.#random)
      const rest = await this.#rest(key, file.names, stream)
      if (rest === 'later') continue
      if (!rest) this.#files.delete(key)
      yield { path: file.path, size: file.stat.size, stream, rest }
    }
  }

  async #rest(key: string, names: readonly string[], stream: string): Promise<Rest | undefined | 'later'> {
    try {
      const rotated = await this.#lost.rotatedSince(names, -Infinity)
      const there = rotated.find(({ stat }) => inodeKey(stat) === key)
      return there && ((await this.#lost.whole(there, stream)) ?? 'later')
    } catch (error) {
      if (errnoOf(error) === undefined) throw error
      return 'later'
    }
  }
}
