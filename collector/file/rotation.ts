// Rotation: renames a file that is large enough, or whose day is over, to its rotated name; what comes next is written to
// a new one. Compression and the removal of old files follow in the background (`rotated-files.ts`).
//
//   write all of it ─▶ sync and commit (tracked files) ─▶ close ─▶ rename, sync the folder ─▶ open anew ─▶ sweep
//
// A crash leaves the file under one of the two names, whole.

import { basename, dirname } from 'node:path'
import type { Clock } from '../../common/clock.ts'
import type { Zone } from '../../common/message/zone.ts'
import type { Disk } from '../../common/disk.ts'
import type { FileKeeper, FileWatcher } from './file-keeper.ts'
import { localDay, localIso } from './local-day.ts'
import { Pause, type OutputFile } from './output-file.ts'
import { compressionSuffixes, DAY_OVER, parseRotatedName, rotatedName } from './rotated-name.ts'

export interface RotateOptions {
  /** At local midnight, by receipt. */
  readonly daily: boolean
  /** When the file has reached so many bytes. */
  readonly bytes?: number
  /** What becomes of rotated files: absent keeps them all. */
  readonly keep?: { readonly ms: number } | { readonly count: number }
  readonly compress: 'none' | 'gzip' | 'zstd'
}

export interface RotationSurroundings {
  readonly disk: Disk
  readonly clock: Clock
  readonly zone: Zone
  readonly keeper: FileKeeper
  /** Commits everything rendered so far; undefined where nothing needs it. */
  readonly commit: (file: OutputFile) => Promise<void> | undefined
  /** Called with the folder of a file that was rotated. */
  readonly rotated: (folder: string) => void
  readonly left: (file: OutputFile) => Promise<void>
}

/** The last ordinal of each day, by the name that files had before. */
type LastOrdinals = Map<string, Map<string, number>>

const DAY_US = 86_400_000_000

export class Rotation implements FileWatcher {
  readonly #options: RotateOptions
  readonly #with: RotationSurroundings
  /** Files with a rotation ahead. */
  readonly #ahead = new Set<OutputFile>()
  /** By folder, while the day lasts: what names there were, and are given since. */
  readonly #last = new Map<string, Promise<LastOrdinals>>()
  #today = ''

  constructor(options: RotateOptions, surroundings: RotationSurroundings) {
    this.#options = options
    this.#with = surroundings
  }

  /** The local day at `time` (µs); true where it is another than the last time. */
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
    if (this.#options.daily && file.handle && file.day !== this.#today) this.#seal(file)
  }

  // A clock that is set back ends no day: what was begun on one that is yet to come belongs to this one.
  #notAhead(file: OutputFile): void {
    if (file.day > this.#today) file.day = this.#today
  }

  /** Called when something was rendered for the file. */
  grown(file: OutputFile): void {
    const { bytes } = this.#options
    if (bytes === undefined) return
    // Behind a rotation the next file begins, with what has been collected since.
    const ahead = this.#ahead.has(file) ? file.collected : file.length + file.unwritten
    if (ahead >= bytes) this.#seal(file)
  }

  /** A file that lay there from an earlier day, or was closed when its day ended, is rotated before anything is added to it. */
  async opened(file: OutputFile): Promise<void> {
    const { stat, length } = file
    if (!stat) return
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
    const { commit, keeper } = this.#with
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
      await keeper.open(file)
    })
  }

  async #rename(file: OutputFile): Promise<void> {
    const { disk, keeper, rotated, left } = this.#with
    const { path, stat } = file
    const there = await disk.statLink(path)
    const day = file.day === '' ? this.#today : file.day
    if (there?.kind === 'file' && there.inode === stat?.inode && there.device === stat.device) {
      await this.#moveAway(path, day)
      await disk.syncFolder(dirname(path))
    }
    await left(file)
    file.day = ''
    await keeper.close(file)
    rotated(dirname(path))
  }

  // Names of a day go up, also when the clock goes back and where older files have been removed: `keep` goes by the order.
  // Where there is one of a day that is yet to come, they go up from where a day ends, and so are known to be newer.
  async #moveAway(path: string, day: string): Promise<void> {
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
      return
    }
  }

  /** Of rotated files in the folder that are of day `from` or later. */
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
    for (const name of await this.#with.disk.list(folder)) {
      const rotated = parseRotatedName(name.toString('utf8'))
      if (!rotated || rotated.day < from) continue
      const { base, day, ordinal } = rotated
      const days = last.get(base) ?? new Map<string, number>()
      last.set(base, days.set(day, Math.max(ordinal, days.get(day) ?? 0)))
    }
    return last
  }
}

/** Hour, minute and second as one number. */
function timeOfDay(zone: Zone, time: number): number {
  return Number(localIso(zone, time).slice(11, 19).replaceAll(':', ''))
}
