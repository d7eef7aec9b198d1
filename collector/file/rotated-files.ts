// Maintains rotated files in the background, one at a time: compresses them, removes those that `keep:` does not keep, and finishes
// what a crash interrupted.
//
//   app.log-20261122 ─▶ app.log-20261122.zst.new (written, synced) ─▶ renamed to .zst, folder synced ─▶ original removed
//
//   found by a sweep          what happened                      what is done
//   .new                      crash while compressing            removed, compressed again
//   plain and compressed      crash before the removal           the plain one is removed, since the other is complete
//   plain                     crash before compressing           compressed
//
// A compressed file is a sequence of frames of a few MiB each, which zstd, gzip and rg -z read as one.

import { join } from 'node:path'
import type { Disk, DiskFile, FileStat } from '../../common/disk.ts'
import { reasonOf } from '../../common/fault.ts'
import { COMPRESS_CHUNK_BYTES } from '../../common/limits.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import type { Zone } from '../../common/message/zone.ts'
import type { Platform } from '../../common/platform.ts'
import { endOfDay, localDay } from './local-day.ts'
import { isSameFile } from './position-log.ts'
import { compressionSuffixes, DAY_OVER, laterFirst, parseRotatedName, type RotatedName } from './rotated-name.ts'
import { isRotatedFile } from './rotated-tree.ts'
import type { RotateOptions } from './rotation.ts'

/** Compresses one chunk to a frame. */
export type CompressFrame = (bytes: Buffer) => Promise<Buffer>

export interface RotatedFilesOptions extends Pick<RotateOptions, 'keep' | 'compress'> {
  readonly name: string
  readonly zone: Zone
  /** Whether a file that had this path before it was rotated belongs to this destination. */
  readonly isOurs: (path: string) => boolean
  /** Whether files may be removed because of their age (`expiry-wait.ts`). */
  readonly mayExpire: () => Promise<boolean>
  /** Sets the owner of a new file to that of the destination's files. */
  readonly own: (file: DiskFile) => Promise<void>
}

interface Found extends RotatedName {
  readonly path: string
}

type Keep = NonNullable<RotateOptions['keep']>

const WAITING = 'the clock jumped forward by more than a day: no rotated file expires for 24 hours'

export class RotatedFiles {
  readonly #options: RotatedFilesOptions
  readonly #platform: Platform
  readonly #disk: Disk
  readonly #compressFrame: CompressFrame | undefined
  readonly #warning: RateLimitedWarning
  readonly #folders = new Set<string>()
  #working: Promise<void> | undefined
  #reportedWaiting = false
  #stopped = false

  constructor(options: RotatedFilesOptions, platform: Platform, compressFrame: CompressFrame | undefined) {
    this.#options = options
    this.#platform = platform
    this.#disk = platform.disk
    this.#compressFrame = compressFrame
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
  }

  /** Schedules a sweep of a folder. */
  sweep(folder: string): void {
    this.#folders.add(folder)
    this.#working ??= this.#work()
  }

  /** Aborts the sweep in progress. The next one, in this process or a later one, redoes what was not finished. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#working
  }

  async #work(): Promise<void> {
    for (const folder of this.#folders) {
      this.#folders.delete(folder)
      if (!this.#stopped) await this.#attempt(folder, () => this.#sweep(folder))
    }
    this.#working = undefined
  }

  async #sweep(folder: string): Promise<void> {
    const byBase = new Map<string, Found[]>()
    for (const name of await this.#disk.list(folder)) {
      const text = name.toString('utf8')
      const rotated = parseRotatedName(text)
      if (!rotated || !this.#options.isOurs(join(folder, rotated.base))) continue
      if (!(await isRotatedFile(this.#disk, join(folder, text)))) continue
      const found = byBase.get(rotated.base) ?? []
      byBase.set(rotated.base, found)
      found.push({ ...rotated, path: join(folder, text) })
    }
    const { keep } = this.#options
    const mayRemove = keep === undefined || 'count' in keep || (await this.#options.mayExpire())
    if (mayRemove) this.#reportedWaiting = false
    // Old files are removed before anything is compressed, since on a full disk that makes room.
    const kept: Found[] = []
    for (const found of byBase.values()) {
      await this.#attempt(folder, async () => {
        const whole = await this.#finishInterrupted(found)
        kept.push(...(keep ? await this.#removeOld(whole, keep, mayRemove) : whole))
      })
    }
    const compressFrame = this.#compressFrame
    if (this.#options.compress === 'none' || !compressFrame) return
    for (const { compression, path } of kept) {
      if (compression === 'none' && !this.#stopped) {
        await this.#attempt(folder, () => this.#compress(path, compressFrame))
      }
    }
  }

  /** Logs a failure, so that it does not keep the other files from being processed. */
  async #attempt(folder: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      const values = { destination: this.#options.name, folder }
      this.#warning.warn(values, `rotated files are left as they are for now: ${reasonOf(error)}`)
    }
  }

  async #finishInterrupted(found: readonly Found[]): Promise<Found[]> {
    const compressed = new Set(
      found.filter(({ compression, temporary }) => compression !== 'none' && !temporary).map(identity),
    )
    const whole: Found[] = []
    for (const each of found) {
      if (each.temporary || (each.compression === 'none' && compressed.has(identity(each)))) {
        await this.#disk.remove(each.path)
      } else whole.push(each)
    }
    return whole
  }

  async #removeOld(found: readonly Found[], keep: Keep, mayRemove: boolean): Promise<readonly Found[]> {
    const { name: destination, zone } = this.#options
    const now = this.#platform.clock.now()
    const sorted = newestFirst(found, localDay(zone, now))
    const isOld = (each: Found, i: number) =>
      'count' in keep ? i >= keep.count : endOfDay(zone, each.day) + keep.ms * 1000 <= now
    const old = sorted.filter(isOld)
    if (old.length > 0 && !mayRemove) {
      if (!this.#reportedWaiting) this.#platform.log.warn({ destination, path: old[0].path }, WAITING)
      this.#reportedWaiting = true
      return found
    }
    for (const { path } of old) await this.#disk.remove(path)
    return sorted.filter((each) => !old.includes(each))
  }

  async #compress(path: string, compressFrame: CompressFrame): Promise<void> {
    const done = path + compressionSuffixes[this.#options.compress]
    const temporary = `${done}.new`
    // The owner of the folder could have any file of root compressed into one of his own by putting a link to it there.
    const stat = await this.#disk.statLink(path)
    if (!stat || stat.kind !== 'file') return
    if (!(await this.#writeCompressed(path, temporary, stat, compressFrame))) return
    const folder = path.slice(0, path.lastIndexOf('/')) || '/'
    await this.#disk.rename(temporary, done)
    await this.#disk.syncFolder(folder)
    await this.#disk.remove(path)
  }

  /** Resolves to false if it was stopped, or another file is there by now. An incomplete file is removed. */
  async #writeCompressed(
    path: string,
    temporary: string,
    stat: FileStat,
    compressFrame: CompressFrame,
  ): Promise<boolean> {
    const { size, mode } = stat
    const from = await this.#disk.open(path, 'read')
    let to: DiskFile | undefined
    let isWhole = false
    try {
      if (!isSameFile(await from.stat(), stat)) return false
      to = await this.#disk.open(temporary, 'create', mode)
      await to.setMode(mode)
      await this.#options.own(to)
      const chunk = Buffer.allocUnsafeSlow(Math.min(COMPRESS_CHUNK_BYTES, Math.max(size, 1)))
      let written = 0
      for (let at = 0; ;) {
        if (this.#stopped) return false
        const bytes = await from.read(chunk, 0, chunk.length, at)
        if (bytes === 0 && at > 0) break
        const frame = await compressFrame(chunk.subarray(0, bytes))
        await to.write(frame, 0, frame.length, written)
        at += bytes
        written += frame.length
        if (bytes === 0) break
      }
      await to.sync()
      isWhole = true
      return true
    } finally {
      await from.close()
      await to?.close()
      if (to && !isWhole) await this.#disk.remove(temporary)
    }
  }
}

// A file of a future day means that the clock was set back. Files that were rotated since then have an ordinal above DAY_OVER
// (`rotation.ts`); all others of past days were rotated before.
function newestFirst(found: readonly Found[], today: string): Found[] {
  const isAhead = ({ day }: Found) => day > today
  const rank = (each: Found) => (isAhead(each) ? 1 : each.ordinal > DAY_OVER ? 0 : 2)
  const isSetBack = found.some(isAhead)
  return [...found].sort((one, other) => (isSetBack ? rank(one) - rank(other) : 0) || laterFirst(one, other))
}

const identity = ({ day, ordinal }: RotatedName) => `${day}.${ordinal}`
