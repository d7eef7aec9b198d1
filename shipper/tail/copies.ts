// Copies of files that are followed: `copytruncate` makes one before it cuts the file. What is in a copy has been read, or will
// be, where it stands.

import type { Clock } from '../../common/clock.ts'
import type { DiskFile } from '../../common/disk.ts'
import { hasFingerprint, readHead } from './fingerprint.ts'
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

  /** Whether this file has all that was read of one that is followed. */
  async has(file: DiskFile, size: number): Promise<boolean> {
    for (const other of this.#files.values()) {
      if (other.head.bytes === 0 || size < other.position) continue
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
    const head = await readHead(file)
    for (const other of this.#files.values()) {
      if (other.leaving || other.position === 0 || size < other.position || head.bytes < other.head.bytes) continue
      if (other.head.bytes === 0 || !(await hasFingerprint(file, other.fingerprintRead))) continue
      if (since === undefined) this.#suspects.set(key, now)
      return true
    }
    return false
  }

  /** A file was cut: what was suspected is its copy, or none. */
  forget(): void {
    this.#suspects.clear()
  }
}
