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
import { compressionSuffixes, DAY_OVER, rotatedName } from './rotated-name.ts'

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

export class Rotation implements FileWatcher {
  readonly #options: RotateOptions
  readonly #with: RotationSurroundings
  /** Files with a rotation ahead. */
  readonly #ahead = new Set<OutputFile>()
  /** The last rotated name of each file, while its day lasts. */
  readonly #last = new Map<string, { readonly day: string; readonly ordinal: number }>()
  #today = ''

  constructor(options: RotateOptions, surroundings: RotationSurroundings) {
    this.#options = options
    this.#with = surroundings
  }

  /** The local day at `time` (µs); true where it is another than the last time. A clock that is set back begins none. */
  dayBegins(time: number): boolean {
    const today = localDay(this.#with.zone, time)
    if (today === this.#today) return false
    const isFirst = this.#today === '' || today < this.#today
    this.#today = today
    this.#last.clear()
    return !isFirst
  }

  /** Called for every open file when a day has begun. */
  endDay(file: OutputFile): void {
    if (this.#options.daily && file.handle && file.day !== this.#today) this.#seal(file)
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
      await disk.rename(path, await this.#freePath(path, day))
      await disk.syncFolder(dirname(path))
    }
    await left(file)
    file.day = ''
    await keeper.close(file)
    rotated(dirname(path))
  }

  // Names go up, also when the clock goes back and where older files have been removed: `keep` goes by the order.
  async #freePath(path: string, day: string): Promise<string> {
    const folder = dirname(path)
    const { clock, zone } = this.#with
    const now = clock.now()
    const time = Number(localIso(zone, now).slice(11, 19).replaceAll(':', ''))
    const last = this.#last.get(path)
    let ordinal = day === localDay(zone, now) ? time : DAY_OVER
    if (last?.day === day) ordinal = Math.max(ordinal, last.ordinal + 1)
    for (; ; ordinal += 1) {
      const free = `${folder}/${rotatedName(basename(path), day, ordinal)}`
      const taken = await Promise.all(
        Object.values(compressionSuffixes).map((end) => this.#with.disk.statLink(free + end)),
      )
      if (taken.some((stat) => stat !== undefined)) continue
      this.#last.set(path, { day, ordinal })
      return free
    }
  }
}
