// Expiry of an archive's parts: a part is removed when its day ended more than `keep` ago, and the oldest parts are removed
// while all parts together are larger than `max_size`. The newest part is never removed.
//
// After the clock has jumped forward by more than a day (it is wrong, or the machine was off), nothing expires for 24 hours, so
// that a wrong clock cannot empty the archive before somebody notices. If sluice is restarted in that time, the wait starts
// again, because the days of the parts show that the clock has jumped.

import type { Clock } from '../../common/clock.ts'
import type { Disk } from '../../common/disk.ts'
import { reasonOf } from '../../common/fault.ts'
import {
  ARCHIVE_PART_BYTES_MAX,
  ARCHIVE_PART_BYTES_MIN,
  ARCHIVE_PART_SHARE,
  EXPIRY_WAIT_MS,
} from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import { isPartBegun } from './reader.ts'
import { compareParts, dayEnd, dayOf, dayStart, fileNameOf, isAhead, partNameOf, type PartName } from './schema.ts'

export interface RetentionOptions {
  /** Milliseconds. */
  readonly keepMs: number | undefined
  readonly bytesMax: number | undefined
}

interface Surroundings {
  readonly clock: Clock
  readonly disk: Disk
  readonly log: Log
}

/** The size at which a part is full, so that an archive stays within its `max_size` although only whole parts are removed. */
export function partBytesMaxOf({ bytesMax = Infinity }: RetentionOptions): number {
  return Math.min(ARCHIVE_PART_BYTES_MAX, Math.max(ARCHIVE_PART_BYTES_MIN, bytesMax * ARCHIVE_PART_SHARE))
}

const DAY_US = 86_400_000_000

export class Retention {
  readonly #folder: string
  readonly #options: RetentionOptions
  readonly #surroundings: Surroundings
  /** The clock's reading at the last sweep (µs since the epoch), and the monotonic time of that sweep (ms). */
  #lastNow: number | undefined
  #lastMs = 0
  #waitUntilMs = -Infinity
  #reportedWaiting = false

  constructor(folder: string, options: RetentionOptions, surroundings: Surroundings) {
    this.#folder = folder
    this.#options = options
    this.#surroundings = surroundings
  }

  /** Removes expired parts; resolves to the remaining parts without the newest one, oldest first. */
  async sweep(): Promise<readonly PartName[]> {
    const { disk } = this.#surroundings
    const names = await disk.list(this.#folder)
    const parts = names.map((name) => partNameOf(name.toString())).filter((part) => part !== undefined)
    parts.sort(compareParts)
    this.#watchClock(parts)
    // A part without a commit does not have the marks yet, so the part before it counts as the newest and is kept.
    while (parts.length > 1 && !isPartBegun(this.#pathOf(parts[parts.length - 1]))) parts.pop()
    const old = await this.#expire(parts.slice(0, -1))
    return this.#shrink(old, parts.at(-1))
  }

  #watchClock(parts: readonly PartName[]): void {
    const { clock } = this.#surroundings
    const now = clock.now()
    const ms = clock.monotonicMs()
    const expected = this.#lastNow === undefined ? undefined : this.#lastNow + (ms - this.#lastMs) * 1000
    const jumped = expected === undefined ? hasJumped(parts, now) : now > expected + DAY_US
    if (jumped) this.#waitUntilMs = ms + EXPIRY_WAIT_MS
    // The clock was set back by more than a day, so the forward jump was a mistake that is now corrected.
    if (expected !== undefined && now < expected - DAY_US) this.#waitUntilMs = -Infinity
    this.#lastNow = now
    this.#lastMs = ms
  }

  async #expire(parts: readonly PartName[]): Promise<PartName[]> {
    const { keepMs } = this.#options
    const { clock, log } = this.#surroundings
    if (keepMs === undefined) return [...parts]
    const now = clock.now()
    const expired: PartName[] = []
    for (const part of parts) if (dayEnd(await this.#lastDay(part, now)) + keepMs * 1000 <= now) expired.push(part)
    if (expired.length > 0 && clock.monotonicMs() < this.#waitUntilMs) {
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
      for (const suffix of ['', '-wal', '-shm']) if (await disk.stat(path + suffix)) await disk.remove(path + suffix)
      log.info({ path, why }, 'removed a part of the archive')
    } catch (error) {
      log.warn({ path }, `cannot remove a part of the archive: ${reasonOf(error)}`)
    }
  }

  #pathOf(part: PartName): string {
    return `${this.#folder}/${fileNameOf(part)}`
  }
}

/**
 * Whether the days of the parts show that the clock jumped forward less than two days ago: between two consecutive parts, or between
 * the newest part and `now`, more than a day is missing.
 */
function hasJumped(parts: readonly PartName[], now: number): boolean {
  return parts.some(({ day }, i) => {
    const next = parts.at(i + 1)?.day
    const [begun, over] = next === undefined ? [now, now] : [dayStart(next), Math.min(dayEnd(next), now)]
    return begun <= now && begun > now - 2 * DAY_US && over > dayEnd(day) + DAY_US
  })
}
