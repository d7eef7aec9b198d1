// How long files that have left their names are read, and when they are no longer followed. A file whose new name matches a
// pattern too (`app.log*`) stays followed.

import type { Clock } from '../../common/clock.ts'
import type { FollowedFile } from './followed-file.ts'
import { writtenName } from './position-store.ts'
import { unrotated } from './rotated-name.ts'

// After this much quiet, a file that has left its name is read to its last byte, an incomplete line included. The time is short
// if its writer has a new file to write to.
const QUIET_WITH_SUCCESSOR_MS = 10_000
const QUIET_ALONE_MS = 60_000
// The same for files without any name, if there are so many of them that new files, which may live for seconds too, are not held open.
const QUIET_CROWDED_MS = 2_000
// While a rotated file has a name, its writer may come back to it (which is what logrotate's `delaycompress` is for). So it is held
// open until it has been quiet for this long; if too many files are open, it is closed and looked for during this time.
export const QUIET_NAMED_MS = 300_000

export class Leaving {
  readonly #clock: Clock
  /** Files that have not left their names, by name. */
  #byPath: ReadonlyMap<string, FollowedFile> = new Map()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes all followed files at the end of a sweep. */
  looked(files: Iterable<FollowedFile>): void {
    this.#byPath = new Map([...files].flatMap((file) => (file.leaving ? [] : [[file.path, file]])))
  }

  /** The file that the last sweep found at this path. */
  at(path: string): FollowedFile | undefined {
    const file = this.#byPath.get(path)
    return file?.leaving === false ? file : undefined
  }

  /** Whether another file is now at the name that this file has left. */
  hasSuccessor(file: FollowedFile): boolean {
    return this.#isAnother(file, writtenName(file))
  }

  #isAnother(file: FollowedFile, path: string): boolean {
    const other = this.at(path)
    return other !== undefined && other !== file
  }

  /**
   * Whether a rotated file has been quiet for so long that an incomplete line or group at its end is delivered. `isCrowded` tells whether
   * there are too many files without a name.
   */
  isDone(file: FollowedFile, isCrowded: boolean): boolean {
    if (!file.leaving) {
      if (!file.waits) return false
      // A file that was rotated before it was first seen is recognised by its name.
      const isRotated = this.hasSuccessor(file) || this.#isAnother(file, unrotated(file.path))
      return isRotated && this.#quietMs(file) >= QUIET_WITH_SUCCESSOR_MS
    }
    if (file.temporary !== undefined) return true
    const isBrief = isCrowded && file.isRemoved
    const waitMs = isBrief ? QUIET_CROWDED_MS : this.hasSuccessor(file) ? QUIET_WITH_SUCCESSOR_MS : QUIET_ALONE_MS
    return this.#quietMs(file) >= waitMs
  }

  /** Whether a file that is done is still held open because its writer may come back. */
  lingers(file: FollowedFile, hasName: boolean): boolean {
    return hasName && this.#quietMs(file) < QUIET_NAMED_MS
  }

  #quietMs({ lastMs }: FollowedFile): number {
    return this.#clock.monotonicMs() - lastMs
  }
}
