// Rotation: renames a file that is large enough, or whose day is over, to its rotated name, and continues in a new one. Compression
// and the removal of old files follow in the background (`rotated-files.ts`).
//
//   write what is buffered ─▶ sync and commit (tracked files) ─▶ rename, sync the folder ─▶ close ─▶ sweep ─▶ open the new file
//
// After a crash the complete file has one of the two names.
//
// A file whose path is a symbolic link is not rotated: its new name would be in the folder of the link, which may be on another disk,
// and the next file in its place would no longer be where the link leads.

import { basename, dirname } from 'node:path'
import type { Clock } from '../../common/clock.ts'
import type { Zone } from '../../common/message/zone.ts'
import type { Disk } from '../../common/disk.ts'
import { RateLimitedWarning, type Log } from '../../common/log.ts'
import type { FileKeeper, FileWatcher } from './file-keeper.ts'
import { localDay, localIso } from './local-day.ts'
import { Pause, type OutputFile } from './output-file.ts'
import { isSameFile } from './position-log.ts'
import { compressionSuffixes, DAY_OVER, parseRotatedName, rotatedName } from './rotated-name.ts'
import { isRotatedFile } from './rotated-tree.ts'

export interface RotateOptions {
  /** Rotate at local midnight, by the time of receipt. */
  readonly daily: boolean
  /** Rotate when the file has reached this size. */
  readonly bytes?: number
  /** How long, or how many, rotated files are kept; all by default. */
  readonly keep?: { readonly ms: number } | { readonly count: number }
  readonly compress: 'none' | 'gzip' | 'zstd'
}

export interface RotationSurroundings {
  /** The name of the destination. */
  readonly name: string
  readonly disk: Disk
  readonly clock: Clock
  readonly log: Log
  readonly zone: Zone
  readonly keeper: FileKeeper
  /** Whether the path is a template: the next file is then created with its first line, since none may follow, as after `{date}`. */
  readonly isTemplated: boolean
  /** Commits everything rendered so far; undefined if the file is not tracked. */
  readonly commit: (file: OutputFile) => Promise<void> | undefined
  /** Called with the folder of a file that was rotated. */
  readonly rotated: (folder: string) => void
  readonly left: (file: OutputFile) => Promise<void>
}

/** The last ordinal of each day, by the name before the rotation. */
type LastOrdinals = Map<string, Map<string, number>>

const DAY_US = 86_400_000_000

export class Rotation implements FileWatcher {
  readonly #options: RotateOptions
  readonly #with: RotationSurroundings
  /** Files with a pending rotation. */
  readonly #ahead = new Set<OutputFile>()
  /** By folder: the last ordinals found on disk or assigned since. Cleared when the day changes. */
  readonly #last = new Map<string, Promise<LastOrdinals>>()
  readonly #warning: RateLimitedWarning
  #today = ''

  constructor(options: RotateOptions, surroundings: RotationSurroundings) {
    this.#options = options
    this.#with = surroundings
    this.#warning = new RateLimitedWarning(surroundings.log, surroundings.clock)
  }

  /** Updates the local day from `time` (µs); true if it has changed since the last call. */
  dayBegins(time: number): boolean {
    const today = localDay(this.#with.zone, time)
    if (today === this.#today) return false
    const isFirst = this.#today === ''
    this.#today = today
    this.#last.clear()
    return !isFirst
  }

  /** Called for every open file when a day has begun. */
  endDay(file: OutputFile): void {
    this.#notAhead(file)
    if (this.#options.daily && file.handle && !file.isLink && file.day !== this.#today) this.#seal(file)
  }

  // If the clock was set back, a file that was begun on a future day counts as begun today.
  #notAhead(file: OutputFile): void {
    if (file.day > this.#today) file.day = this.#today
  }

  /** Called when something was rendered for the file. */
  grown(file: OutputFile): void {
    const { bytes } = this.#options
    if (bytes === undefined || file.isLink) return
    // If a rotation is pending, the next file begins with what was collected after it.
    const ahead = this.#ahead.has(file) ? file.collected : file.length + file.unwritten
    if (ahead >= bytes) this.#seal(file)
  }

  /** Rotates a file that has lines of an earlier day (it existed at the start, or was closed at midnight) before it is appended to. */
  async opened(file: OutputFile): Promise<void> {
    const { path, stat, length } = file
    if (!stat) return
    if (file.isLink) {
      this.#warning.warn({ destination: this.#with.name, path }, 'a link leads to this file: it is not rotated')
      return
    }
    if (length === 0) file.day = this.#today
    else if (file.day === '') file.day = localDay(this.#with.zone, stat.modifiedMs * 1000)
    this.#notAhead(file)
    if (!this.#options.daily || file.day >= this.#today || this.#ahead.has(file)) return
    await this.#rename(file)
    await this.#with.keeper.open(file)
  }

  left(file: OutputFile): Promise<void> {
    file.day = ''
    return Promise.resolve()
  }

  #seal(file: OutputFile): void {
    const { commit, isTemplated, keeper } = this.#with
    const committing = commit(file)
    let isCommitted = committing === undefined
    void committing?.then(() => (isCommitted = true))
    this.#ahead.add(file)
    file.seal(async () => {
      if (!isCommitted) throw new Pause(committing!)
      if (!file.handle) await keeper.open(file)
      if (file.length > 0) await this.#rename(file)
      else file.day = this.#today
      this.#ahead.delete(file)
      if (!isTemplated) await keeper.open(file)
    })
  }

  async #rename(file: OutputFile): Promise<void> {
    const { disk, keeper, rotated, left } = this.#with
    const { path, stat } = file
    const current = await disk.statLink(path)
    const day = file.day === '' ? this.#today : file.day
    if (current?.kind === 'file' && stat && isSameFile(current, stat)) {
      await this.moveAway(path, day)
    }
    await left(file)
    file.day = ''
    await keeper.close(file)
    file.length = 0
    rotated(dirname(path))
  }

  /**
   * Renames a file to its rotated name. Ordinals of a day always rise, also if the clock is set back or older files have been removed,
   * because `keep` relies on the order. If there is a file of a future day, they start above DAY_OVER, which marks files as newer than
   * the clock change.
   */
  async moveAway(path: string, day: string): Promise<void> {
    const folder = dirname(path)
    const base = basename(path)
    const { clock, disk, zone } = this.#with
    const now = clock.now()
    const today = localDay(zone, now)
    const known = await this.#lastOrdinals(folder, localDay(zone, now - DAY_US))
    const last = known.get(base) ?? new Map<string, number>()
    const isSetBack = [...last.keys()].some((other) => other > today)
    const first = isSetBack ? DAY_OVER + 1 : day === today ? timeOfDay(zone, now) : DAY_OVER
    for (let ordinal = Math.max(first, (last.get(day) ?? -1) + 1); ; ordinal += 1) {
      const free = `${folder}/${rotatedName(base, day, ordinal)}`
      const taken = await Promise.all(Object.values(compressionSuffixes).map((end) => disk.statLink(free + end)))
      if (taken.some((stat) => stat !== undefined)) continue
      await disk.rename(path, free)
      known.set(base, last.set(day, ordinal))
      await disk.syncFolder(folder)
      return
    }
  }

  /** The last ordinals of rotated files in the folder, from day `from` on. */
  #lastOrdinals(folder: string, from: string): Promise<LastOrdinals> {
    const known = this.#last.get(folder)
    if (known) return known
    const listed = this.#listOrdinals(folder, from)
    this.#last.set(folder, listed)
    listed.catch(() => this.#last.delete(folder))
    return listed
  }

  async #listOrdinals(folder: string, from: string): Promise<LastOrdinals> {
    const last: LastOrdinals = new Map()
    const { disk } = this.#with
    for (const name of await disk.list(folder)) {
      const text = name.toString('utf8')
      const rotated = parseRotatedName(text)
      if (!rotated || rotated.day < from || !(await isRotatedFile(disk, `${folder}/${text}`))) continue
      const { base, day, ordinal } = rotated
      const days = last.get(base) ?? new Map<string, number>()
      last.set(base, days.set(day, Math.max(ordinal, days.get(day) ?? 0)))
    }
    return last
  }
}

/** The local time as a number HHMMSS. */
function timeOfDay(zone: Zone, time: number): number {
  return Number(localIso(zone, time).slice(11, 19).replaceAll(':', ''))
}
