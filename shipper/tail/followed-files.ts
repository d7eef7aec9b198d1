// All followed files by device and inode, and which of their streams are on disk.

import type { Platform } from '../../common/platform.ts'
import type { FoundFile } from './find-files.ts'
import type { FollowedFile } from './followed-file.ts'
import { realPathOf } from './inode.ts'
import { QUIET_NAMED_MS } from './leaving.ts'
import type { RemainderFinder } from './remainder-finder.ts'
import type { PositionStore } from './position-store.ts'

/** Finds the file with this inode key in the folders of these names, whatever it is called now. */
type WhereIs = (names: readonly string[], key: string) => ReturnType<RemainderFinder['whereIs']>

export class FollowedFiles {
  /** By inode key. */
  readonly byKey = new Map<string, FollowedFile>()
  readonly #store: PositionStore
  readonly #platform: Pick<Platform, 'clock' | 'disk'>
  /** Followed files whose stream is not on disk yet. */
  #fresh: FollowedFile[] = []

  constructor(store: PositionStore, platform: Pick<Platform, 'clock' | 'disk'>) {
    this.#store = store
    this.#platform = platform
  }

  /** Follows a file from now on, under its current inode. */
  async keep(followed: FollowedFile): Promise<void> {
    // The time for which a file has been quiet continues across a restart.
    const { clock } = this.#platform
    followed.lastMs = clock.monotonicMs() - Math.max(0, clock.now() / 1000 - followed.foundChangedMs)
    await this.#findRealPath(followed)
    this.#store.set(followed.record)
    this.#fresh.push(followed)
    this.byKey.set(followed.key, followed)
  }

  /** Takes the first bytes of a file that was found empty. They have to be on disk, too, before its first message leaves. */
  beginsWith(followed: FollowedFile, head: Buffer): void {
    followed.beginsWith(head)
    followed.known = false
    followed.dirty = true
    this.#store.set(followed.record)
    this.#fresh.push(followed)
  }

  /** Writes new streams to disk before their first message leaves: one sync for all files. Returns whether there were any. */
  async makeKnown(isFirst: boolean): Promise<boolean> {
    if (isFirst) this.#store.begin()
    else if (this.#fresh.length === 0) return false
    await this.#store.commit()
    for (const file of this.#fresh) file.known = true
    this.#fresh = []
    return true
  }

  /**
   * Compares the followed files with what a sweep has found, by inode key. `sweptMs` is when the sweep before it began. A file that has
   * left its name and is not open is looked for with `whereIs`.
   */
  async look(found: ReadonlyMap<string, FoundFile>, sweptMs: number | undefined, whereIs: WhereIs): Promise<void> {
    const nowMs = this.#platform.clock.monotonicMs()
    for (const [key, file] of this.byKey) {
      const now = found.get(key)
      if (!now) {
        if (!file.leaving) {
          file.lastMs = nowMs
          file.leftAfterMs = sweptMs
          file.isRemoved = file.isOpen && !(await file.hasName().catch(() => true))
        }
        file.leaving = true
        if (file.isOpen || file.temporary !== undefined) file.dirty = true
        else await this.#lookForRotated(file, nowMs, whereIs)
        continue
      }
      const isMoved = file.leaving || file.path !== now.path
      file.rotatedTo = undefined
      file.gone = false
      if (file.leaving && file.temporary === undefined) file.leaving = false
      file.renamedTo(now.path)
      if (isMoved) await this.#findRealPath(file)
      file.looked(now.stat.size)
      // A file that was truncated and grew to the same size again differs only in its modification time.
      const isTouched = now.stat.modifiedMs !== file.modifiedMs
      file.modifiedMs = now.stat.modifiedMs
      if (!isTouched && (now.stat.size === file.position || now.stat.size === file.openAt)) continue
      file.dirty = true
      file.lastMs = nowMs
    }
  }

  /**
   * The time (ms since the epoch) after which files that came and went under this name must have been written to. `sweptMs` is when the
   * last complete sweep began.
   */
  sinceOf(path: string, sweptMs: number | undefined): number | undefined {
    if (sweptMs === undefined) return undefined
    const left = this.#leftFrom(path).map(({ leftAfterMs }) => leftAfterMs ?? Infinity)
    return Math.min(sweptMs, ...left)
  }

  /** The files that were at this path and have no successor yet. */
  predecessorsAt(path: string): readonly FollowedFile[] {
    return this.#leftFrom(path).filter(({ leftAfterMs }) => leftAfterMs !== undefined)
  }

  /** Notes that the files that were at this path have a successor, and that files in between were looked for. */
  succeeded(path: string): void {
    for (const file of this.#leftFrom(path)) file.leftAfterMs = undefined
  }

  /** Finds out where a rotated file is. It is opened again if it was written to, is gone, or has been quiet for long enough. */
  async #lookForRotated(file: FollowedFile, nowMs: number, whereIs: WhereIs): Promise<void> {
    const there = await whereIs(file.searchPaths, file.key)
    if (there === 'unknown') return
    file.gone = there === 'gone'
    const isChanged = there === 'gone' || file.foundAt(there.path, there.stat)
    if (isChanged && !file.gone) file.lastMs = nowMs
    if (isChanged || nowMs - file.lastMs >= QUIET_NAMED_MS) file.dirty = true
  }

  async #findRealPath(file: FollowedFile): Promise<void> {
    file.realPath = await realPathOf(this.#platform.disk, file.path, file.key)
  }

  #leftFrom(path: string): FollowedFile[] {
    const left: FollowedFile[] = []
    for (const file of this.byKey.values()) if (file.path === path) left.push(file)
    return left
  }
}
