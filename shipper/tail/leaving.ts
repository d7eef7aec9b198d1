// Files that have left their names: how long they are read on, and when they are let go of. One whose new name is followed too
// (`app.log*`) is not let go of.

import type { Clock } from '../../common/clock.ts'
import type { FollowedFile } from './followed-file.ts'
import { writtenName } from './position-store.ts'
import { unrotated } from './rotated-name.ts'

// A file that has left its name is read to its last byte after this much quiet: soon where its writer has a new file to write to.
const QUIET_WITH_SUCCESSOR_MS = 10_000
const QUIET_ALONE_MS = 60_000
// While it has a name its writer may come back to it (logrotate's `delaycompress` is for those that do): it is held open for so
// long without any write, or looked for as long where too many are open.
export const QUIET_NAMED_MS = 300_000

export class Leaving {
  readonly #clock: Clock
  /** Files that are where they were, by name. */
  #byPath: ReadonlyMap<string, FollowedFile> = new Map()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A look at everything is over. */
  looked(files: Iterable<FollowedFile>): void {
    this.#byPath = new Map([...files].flatMap((file) => (file.leaving ? [] : [[file.path, file]])))
  }

  /** The file that the last look has found under this name. */
  at(path: string): FollowedFile | undefined {
    const file = this.#byPath.get(path)
    return file?.leaving === false ? file : undefined
  }

  /** Whether another file has come under the name of one that left it. */
  hasSuccessor(file: FollowedFile): boolean {
    return this.#isAnother(file, writtenName(file))
  }

  #isAnother(file: FollowedFile, path: string): boolean {
    const other = this.at(path)
    return other !== undefined && other !== file
  }

  /** Whether a file that was rotated has been quiet for long enough: what is open at its end is given out. */
  isDone(file: FollowedFile): boolean {
    if (!file.leaving) {
      if (!file.waits) return false
      // One that was rotated before it was first seen is told by its name.
      const isRotated = this.hasSuccessor(file) || this.#isAnother(file, unrotated(file.path))
      return isRotated && this.#quietMs(file) >= QUIET_WITH_SUCCESSOR_MS
    }
    if (file.temporary !== undefined) return true
    return this.#quietMs(file) >= (this.hasSuccessor(file) ? QUIET_WITH_SUCCESSOR_MS : QUIET_ALONE_MS)
  }

  /** Whether a file that is done is held open all the same, since its writer may come back. */
  lingers(file: FollowedFile, hasName: boolean): boolean {
    return hasName && this.#quietMs(file) < QUIET_NAMED_MS
  }

  #quietMs({ lastMs }: FollowedFile): number {
    return this.#clock.monotonicMs() - lastMs
  }
}
