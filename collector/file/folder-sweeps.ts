// Goes through all folders of a destination, at the start and at each midnight: rotated files are compressed or removed
// (`rotated-files.ts`). Before that, files of past days whose day is in their path are rotated, if they are closed: no line opens them
// again, and `keep` and `compress` apply to rotated files only.

import { join } from 'node:path'
import type { DiskFile } from '../../common/disk.ts'
import { reasonOf } from '../../common/fault.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import type { Zone } from '../../common/message/zone.ts'
import type { Platform } from '../../common/platform.ts'
import { ExpiryWait } from '../expiry-wait.ts'
import type { Commits } from './commits.ts'
import { DatedPath, isDated } from './dated-path.ts'
import type { FileSet } from './file-set.ts'
import { localDay } from './local-day.ts'
import type { OutputFile } from './output-file.ts'
import type { PathTemplate } from './path-template.ts'
import { RotatedFiles, type CompressFrame } from './rotated-files.ts'
import { foldersOf } from './rotated-tree.ts'
import type { RotateOptions, Rotation } from './rotation.ts'

const DAY_US = 86_400_000_000

export interface FolderSweepsOptions {
  readonly name: string
  readonly template: PathTemplate
  readonly rotate: RotateOptions
  readonly zone: Zone
  readonly rotation: Rotation
  /** Its own folder in the data folder. */
  readonly folder: string
  /** Absent if rotated files are not compressed. */
  readonly compressFrame: CompressFrame | undefined
  /** Whether the file of this path belongs to this destination. */
  readonly isOurs: (path: string) => boolean
  /** Sets the owner of a new file to that of the destination's files. */
  readonly own: (file: DiskFile) => Promise<void>
  readonly files: Pick<FileSet, 'between'>
  readonly commits: Pick<Commits, 'holds' | 'renamed'>
}

export class FolderSweeps {
  readonly #options: FolderSweepsOptions
  readonly #platform: Platform
  readonly #warning: RateLimitedWarning
  readonly #rotated: RotatedFiles
  /** Absent if files are not rotated by day, or their paths have no date. */
  readonly #dated: DatedPath | undefined

  constructor(options: FolderSweepsOptions, platform: Platform) {
    this.#options = options
    this.#platform = platform
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
    const { folder, rotate, template, compressFrame } = options
    const wait = new ExpiryWait(folder, DAY_US, platform)
    this.#rotated = new RotatedFiles({ ...options, ...rotate, mayExpire: () => wait.isOver() }, platform, compressFrame)
    this.#dated = rotate.daily && isDated(template) ? new DatedPath(template) : undefined
  }

  /** Schedules a sweep of a folder. */
  sweep(folder: string): void {
    this.#rotated.sweep(folder)
  }

  /** Aborts what is in progress; the next sweep, in this process or a later one, redoes what was not finished. */
  stop(): Promise<void> {
    return this.#rotated.stop()
  }

  /** Schedules a sweep of every folder. */
  async begin(): Promise<void> {
    const { name, template } = this.#options
    try {
      for await (const folder of foldersOf(this.#platform.disk, template)) {
        if (this.#dated) await this.#rotatePast(folder, this.#dated)
        this.#rotated.sweep(folder)
      }
    } catch (error) {
      this.#platform.log.warn({ destination: name }, `cannot look for rotated files: ${reasonOf(error)}`)
    }
  }

  async #rotatePast(folder: string, dated: DatedPath): Promise<void> {
    const { files, isOurs, zone } = this.#options
    const { clock, disk } = this.#platform
    const today = localDay(zone, clock.now())
    for (const name of await disk.list(folder)) {
      const path = join(folder, name.toString('utf8'))
      const day = dated.dayOf(path)
      if (day === undefined || day >= today || !isOurs(path)) continue
      await files.between(path, (file) => this.#rotate(file, day))
    }
  }

  // A failure is logged and not retried before the next sweep: the file is in nobody's way.
  async #rotate(file: OutputFile, day: string): Promise<void> {
    const { commits, name, rotation } = this.#options
    const { path } = file
    try {
      if (file.handle || commits.holds(file)) return
      const stat = await this.#platform.disk.statLink(path)
      if (stat?.kind !== 'file') return
      await rotation.moveAway(path, day)
      commits.renamed(stat)
    } catch (error) {
      this.#warning.warn({ destination: name, path }, `a file of a past day is left as it is: ${reasonOf(error)}`)
    }
  }
}
