// All files that are followed, by device and inode, and which of them are known durably.

import type { Clock } from '../../common/clock.ts'
import type { FoundFile } from './find-files.ts'
import type { FollowedFile } from './followed-file.ts'
import type { PositionStore } from './position-store.ts'

export class FollowedFiles {
  /** By inode key. */
  readonly byKey = new Map<string, FollowedFile>()
  readonly #store: PositionStore
  readonly #clock: Clock
  /** Followed, but not known durably yet. */
  #fresh: FollowedFile[] = []

  constructor(store: PositionStore, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** How many descriptors are held. */
  get openCount(): number {
    let open = 0
    for (const file of this.byKey.values()) if (file.isOpen) open += 1
    return open
  }

  /** It is followed from now on, under the inode that it has now. */
  keep(followed: FollowedFile): void {
    followed.lastMs = this.#clock.monotonicMs()
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

  /** What a look has found, by inode key; the one before it began at `sweptMs`. */
  look(found: ReadonlyMap<string, FoundFile>, sweptMs: number | undefined): void {
    const nowMs = this.#clock.monotonicMs()
    for (const [key, file] of this.byKey) {
      const now = found.get(key)
      if (!now) {
        if (!file.leaving) {
          file.lastMs = nowMs
          file.leftAfterMs = sweptMs
        }
        file.leaving = true
        file.dirty = true
        continue
      }
      if (file.leaving && file.temporary === undefined) file.leaving = false
      file.path = now.path
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

  /** The files that were at this name have a successor, and what came between was looked for. */
  succeeded(path: string): void {
    for (const file of this.#leftFrom(path)) file.leftAfterMs = undefined
  }

  #leftFrom(path: string): FollowedFile[] {
    return [...this.byKey.values()].filter((file) => file.path === path)
  }
}
