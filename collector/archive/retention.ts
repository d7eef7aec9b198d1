// Expiry of an archive's parts: a part is removed when its day ended more than `keep` ago, and the oldest parts are removed
// while all parts together are larger than `max_size`. The newest part is never removed.
//
// After the clock has jumped forward by more than a day (it is wrong, or the machine was off), nothing expires for 24 hours, so
// that a wrong clock cannot empty the archive before somebody notices (`expiry-wait.ts`). If that was never noted, the day of the
// newest part shows a jump: the archive may be a backup that was copied back.

import { reasonOf } from '../../common/fault.ts'
import {
  ARCHIVE_PART_BYTES_MAX,
  ARCHIVE_PART_BYTES_MIN,
  ARCHIVE_PART_SHARE,
  ARCHIVE_SWEEP_MS,
} from '../../common/limits.ts'
import type { Platform } from '../../common/platform.ts'
import { ExpiryWait } from '../expiry-wait.ts'
import { isPartBegun } from './reader.ts'
import { compareParts, dayEnd, dayOf, fileNameOf, isAhead, partNameOf, type PartName } from './schema.ts'

export interface RetentionOptions {
  /** Milliseconds. */
  readonly keepMs: number | undefined
  readonly bytesMax: number | undefined
}

type Surroundings = Pick<Platform, 'clock' | 'disk' | 'log'>

/** The size at which a part is full, so that an archive stays within its `max_size` although only whole parts are removed. */
export function partBytesMaxOf({ bytesMax = Infinity }: RetentionOptions): number {
  return Math.min(ARCHIVE_PART_BYTES_MAX, Math.max(ARCHIVE_PART_BYTES_MIN, bytesMax * ARCHIVE_PART_SHARE))
}

export class Retention {
  readonly #folder: string
  readonly #options: RetentionOptions
  readonly #surroundings: Surroundings
  readonly #wait: ExpiryWait
  #reportedWaiting = false

  constructor(folder: string, options: RetentionOptions, surroundings: Surroundings) {
    this.#folder = folder
    this.#options = options
    this.#surroundings = surroundings
    this.#wait = new ExpiryWait(folder, ARCHIVE_SWEEP_MS * 1000, surroundings)
  }

  /** Removes expired parts; resolves to the remaining parts without the newest one, oldest first. */
  async sweep(): Promise<readonly PartName[]> {
    const { disk } = this.#surroundings
    const names = await disk.list(this.#folder)
    const parts = names.map((name) => partNameOf(name.toString())).filter((part) => part !== undefined)
    parts.sort(compareParts)
    // A part without a commit does not have the marks yet, so the part before it counts as the newest and is kept.
    while (parts.length > 1 && !isPartBegun(this.#pathOf(parts[parts.length - 1]))) parts.pop()
    const newest = parts.at(-1)
    const mayExpire = await this.#wait.isOver(newest && dayEnd(newest.day))
    const old = await this.#expire(parts.slice(0, -1), mayExpire)
    return this.#shrink(old, newest)
  }

  async #expire(parts: readonly PartName[], mayExpire: boolean): Promise<PartName[]> {
    const { keepMs } = this.#options
    const { clock, log } = this.#surroundings
    if (keepMs === undefined) return [...parts]
    const now = clock.now()
    const expired: PartName[] = []
    for (const part of parts) if (dayEnd(await this.#lastDay(part, now)) + keepMs * 1000 <= now) expired.push(part)
    if (expired.length > 0 && !mayExpire) {
      if (!this.#reportedWaiting) {
        const values = { folder: this.#folder, parts: expired.length }
        log.warn(values, 'the clock jumped forward by more than a day: nothing in the archive expires for 24 hours')
      }
      this.#reportedWaiting = true
      return [...parts]
    }
    this.#reportedWaiting = false
    for (const part of expired) await this.#remove(part, 'expired')
    return parts.filter((part) => !expired.includes(part))
  }

  /** The day from which a part's age counts: its own, or the day of its last write if its own is in the future (`future-parts.ts`). */
  async #lastDay(part: PartName, now: number): Promise<string> {
    if (!isAhead(part, now)) return part.day
    const stat = await this.#surroundings.disk.stat(this.#pathOf(part))
    return stat ? dayOf(stat.modifiedMs * 1000) : part.day
  }

  async #shrink(old: readonly PartName[], newest: PartName | undefined): Promise<readonly PartName[]> {
    const { bytesMax } = this.#options
    if (bytesMax === undefined || newest === undefined) return old
    const sizes = await Promise.all(old.map((part) => this.#size(part)))
    let bytes = sizes.reduce((sum, size) => sum + size, 0) + (await this.#size(newest))
    let removed = 0
    for (; removed < old.length && bytes > bytesMax; removed += 1) {
      await this.#remove(old[removed], 'over max_size')
      bytes -= sizes[removed]
    }
    return old.slice(removed)
  }

  async #size(part: PartName): Promise<number> {
    const { disk } = this.#surroundings
    const path = this.#pathOf(part)
    const stats = await Promise.all([disk.stat(path), disk.stat(`${path}-wal`)])
    return stats.reduce((sum, stat) => sum + (stat?.size ?? 0), 0)
  }

  async #remove(part: PartName, why: string): Promise<void> {
    const { disk, log } = this.#surroundings
    const path = this.#pathOf(part)
    try {
      // The part itself comes last: without it, nobody would remove the others after a crash.
      for (const suffix of ['-wal', '-shm', '']) if (await disk.stat(path + suffix)) await disk.remove(path + suffix)
      log.info({ path, why }, 'removed a part of the archive')
    } catch (error) {
      log.warn({ path }, `cannot remove a part of the archive: ${reasonOf(error)}`)
    }
  }

  #pathOf(part: PartName): string {
    return `${this.#folder}/${fileNameOf(part)}`
  }
}
