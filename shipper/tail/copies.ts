// Recognises new files with the content of a followed one: the copy that `copytruncate` makes before it truncates the file, or the
// file itself, rewritten under the same name. A copy is not read, since its content is read from the original.

import type { Clock } from '../../common/clock.ts'
import type { DiskFile } from '../../common/disk.ts'
import { Beginning, hasFingerprint } from './fingerprint.ts'
import type { FollowedFile } from './followed-file.ts'

// A new file with the content of a followed one may be its copy: for this long, the truncation of the original is waited for.
const COPY_WAIT_MS = 3_000

export class Copies {
  readonly #files: ReadonlyMap<string, FollowedFile>
  readonly #clock: Clock
  /** Since when a file has been suspected to be a copy, monotonic ms, by inode key. */
  readonly #suspects = new Map<string, number>()

  /** `files` are the followed files, by inode key. */
  constructor(files: ReadonlyMap<string, FollowedFile>, clock: Clock) {
    this.#files = files
    this.#clock = clock
  }

  /** Takes what a sweep has found, by inode key. Suspects that are gone are forgotten, since another file may get their inode. */
  look(found: ReadonlyMap<string, unknown>): void {
    for (const key of this.#suspects.keys()) if (!found.has(key)) this.#suspects.delete(key)
  }

  /** Whether this file has all that was read of a followed file. */
  async has(file: DiskFile, size: number): Promise<boolean> {
    const beginning = await Beginning.of(file)
    for (const other of this.#files.values()) {
      if (other.head.bytes === 0 || size < other.position || !beginning.is(other.head)) continue
      if (await hasFingerprint(file, other.fingerprintRead)) return true
    }
    return false
  }

  /** Whether this new file may be a copy of a followed one that is truncated next. False once it was suspected for `COPY_WAIT_MS`. */
  async maybe(key: string, file: DiskFile, size: number): Promise<boolean> {
    const now = this.#clock.monotonicMs()
    const since = this.#suspects.get(key)
    if (since !== undefined && now - since >= COPY_WAIT_MS) {
      this.#suspects.delete(key)
      return false
    }
    const beginning = await Beginning.of(file)
    for (const other of this.#files.values()) {
      if (other.leaving || other.position === 0 || size < other.position) continue
      if (other.head.bytes === 0 || !beginning.is(other.head)) continue
      if (!(await hasFingerprint(file, other.fingerprintRead))) continue
      if (since === undefined) this.#suspects.set(key, now)
      return true
    }
    return false
  }

  /**
   * The followed file that was removed and rewritten at `path` with the same content and perhaps more, by an editor or from a
   * backup. `wait` if the old file is not read to its end yet. `isFound` tells whether the last sweep found an inode key.
   */
  async rewrittenAs(
    file: DiskFile,
    path: string,
    size: number,
    isFound: (key: string) => boolean,
  ): Promise<FollowedFile | 'wait' | undefined> {
    for (const other of this.#files.values()) {
      if (other.path !== path || isFound(other.key) || other.temporary !== undefined) continue
      if (other.head.bytes === 0 || size < other.position || !(await hasFingerprint(file, other.fingerprintRead)))
        continue
      const old = await other.unlinkedSize()
      if (old === undefined) continue
      return other.hasOpenWrites || (old !== other.position && old !== other.openAt) ? 'wait' : other
    }
    return undefined
  }

  /** A file was truncated: its copy is known now, so no file is suspected any longer. */
  forget(): void {
    this.#suspects.clear()
  }
}
