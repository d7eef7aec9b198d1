// All files that are followed, by device and inode, and which of them are known durably.

import type { Platform } from '../../common/platform.ts'
import type { FoundFile } from './find-files.ts'
import { realPathOf, type FollowedFile } from './followed-file.ts'
import { QUIET_NAMED_MS } from './leaving.ts'
import type { LostRest } from './lost-rest.ts'
import type { PositionStore } from './position-store.ts'

/** The file of this inode key beside one of these names, whatever it is called now. */
type WhereIs = (names: readonly string[], key: string) => ReturnType<LostRest['whereIs']>

export class FollowedFiles {
  /** By inode key. */
  readonly byKey = new Map<string, FollowedFile>()
  readonly #store: PositionStore
  readonly #platform: Pick<Platform, 'clock' | 'disk'>
  /** Followed, but not known durably yet. */
  #fresh: FollowedFile[] = []

  constructor(store: PositionStore, platform: Pick<Platform, 'clock' | 'disk'>) {
    this.#store = store
    this.#platform = platform
  }

  /** It is followed from now on, under the inode that it has now. */
  async keep(followed: FollowedFile): Promise<void> {
    // What is quiet already does not begin to be so by a restart.
    const { clock } = this.#platform
    followed.lastMs = clock.monotonicMs() - Math.max(0, clock.now() / 1000 - followed.foundChangedMs)
    await this.#findRealPath(followed)
    this.#store.set(followed.record)
    this.#fresh.push(followed)
    this.byKey.set(followed.key, followed)
  }

  /** A stream is known durably before its first message leaves; one sync for all that a sweep has found. */
  async makeKnown(isFirst: boolean): Promise<void> {
    if (isFirst) this.#store.begin()
    else if (this.#fresh.length === 0) return
    await this.#store.commit()
    for (const file of this.#fresh) file.known = true
    this.#fresh = []
  }

  /**
   * What a look has found, by inode key; the one before it began at `sweptMs`. What has left its name and is not open is looked for
   * with `whereIs`.
   */
  async look(found: ReadonlyMap<string, FoundFile>, sweptMs: number | undefined, whereIs: WhereIs): Promise<void> {
    const nowMs = this.#platform.clock.monotonicMs()
    for (const [key, file] of this.byKey) {
      const now = found.get(key)
      if (!now) {
        if (!file.leaving) {
          file.lastMs = nowMs
          file.leftAfterMs = sweptMs
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
      // Cut and grown again to just the same size: only its time tells.
      const isTouched = now.stat.modifiedMs !== file.modifiedMs
      file.modifiedMs = now.stat.modifiedMs
      if (!isTouched && (now.stat.size === file.position || now.stat.size === file.openAt)) continue
      file.dirty = true
      file.lastMs = nowMs
    }
  }

  /** What came under this name was written to after this, ms since the epoch; the last whole look began at `sweptMs`. */
  sinceOf(path: string, sweptMs: number | undefined): number | undefined {
    if (sweptMs === undefined) return undefined
    const left = this.#leftFrom(path).map(({ leftAfterMs }) => leftAfterMs ?? Infinity)
    return Math.min(sweptMs, ...left)
  }

  /** The names of what was at this one, and has had no successor yet. */
  namesLeft(path: string): readonly string[] {
    return this.#leftFrom(path).flatMap(({ leftAfterMs, names }) => (leftAfterMs === undefined ? [] : names))
  }

  /** The files that were at this name have a successor, and what came between was looked for. */
  succeeded(path: string): void {
    for (const file of this.#leftFrom(path)) file.leftAfterMs = undefined
  }

  /** Where it is, and whether it has to be opened: since it was written to, is gone from there, or was quiet for long enough. */
  async #lookForRotated(file: FollowedFile, nowMs: number, whereIs: WhereIs): Promise<void> {
    const there = await whereIs(file.places, file.key)
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
