// New files with the content of one that is followed: the copy that `copytruncate` makes before it cuts the file, or the file
// itself, written anew. What is in a copy has been read, or will be, where it stands.

import type { Clock } from '../../common/clock.ts'
import type { DiskFile } from '../../common/disk.ts'
import { Beginning, hasFingerprint } from './fingerprint.ts'
import type { FollowedFile } from './followed-file.ts'

// A new file that begins like one that is followed may be its copy, made before it is cut: it is given this long.
const COPY_WAIT_MS = 3_000

export class Copies {
  readonly #files: ReadonlyMap<string, FollowedFile>
  readonly #clock: Clock
  /** Since when a file has been suspected, by its key. */
  readonly #suspects = new Map<string, number>()

  /** `files` are those that are followed. */
  constructor(files: ReadonlyMap<string, FollowedFile>, clock: Clock) {
    this.#files = files
    this.#clock = clock
  }

  /** What a look has found, by inode key: what is suspected and gone again says nothing of what has its inode next. */
  look(found: ReadonlyMap<string, unknown>): void {
    for (const key of this.#suspects.keys()) if (!found.has(key)) this.#suspects.delete(key)
  }

  /** Whether this file has all that was read of one that is followed. */
  async has(file: DiskFile, size: number): Promise<boolean> {
    const beginning = await Beginning.of(file)
    for (const other of this.#files.values()) {
      if (other.head.bytes === 0 || size < other.position || !beginning.is(other.head)) continue
      if (await hasFingerprint(file, other.fingerprintRead)) return true
    }
    return false
  }

  /** Whether this new file has the content of one that is followed: then it may be the copy that is made before a cut. */
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
   * The stream whose file was removed and written anew under the same name, with the same content and perhaps more: an
   * editor, a restored backup. `wait` where the old file is not read to its end yet. `isThere` says which files have a name.
   */
  async rewrittenAs(
    file: DiskFile,
    path: string,
    size: number,
    isThere: (key: string) => boolean,
  ): Promise<FollowedFile | 'wait' | undefined> {
    for (const other of this.#files.values()) {
      if (other.path !== path || isThere(other.key) || other.temporary !== undefined) continue
      if (other.head.bytes === 0 || size < other.position || !(await hasFingerprint(file, other.fingerprintRead)))
        continue
      const old = await other.unlinkedSize()
      if (old === undefined) continue
      return other.hasOpenWrites || (old !== other.position && old !== other.openAt) ? 'wait' : other
    }
    return undefined
  }

  /** A file was cut: what was suspected is its copy, or none. */
  forget(): void {
    this.#suspects.clear()
  }
}
