// Hints that something has changed in the folders that the sweep goes through. Only hints: the sweep is what finds, and
// what cannot be watched costs a few seconds and nothing else.
//
// Folders are watched, not files: inotify reports what is written to the files of a folder too, and five thousand files
// need one watch.

import { FSWatcher } from 'chokidar'
import type { Clock } from '../../common/clock.ts'
import { errnoOf, reasonOf } from '../../common/fault.ts'
import type { Log } from '../../common/log.ts'

/** What is called with the path of a file or folder, and whether it was only written to. */
export type Hint = (path: string, written: boolean) => void

// A folder that could not be watched is tried again after so long: a limit was raised, or somebody gave watches back.
const AGAIN_MS = 60_000

// inotify(7): what its calls fail with when a limit of this user is reached, and the setting that raises it.
const LIMITS: Readonly<Record<string, string>> = {
  ENOSPC: 'the sysctl fs.inotify.max_user_watches',
  EMFILE: 'the sysctl fs.inotify.max_user_instances, or the descriptors of this process (LimitNOFILE, ulimit -n)',
}

export class FolderWatch {
  readonly #log: Log
  readonly #clock: Clock
  #watcher: OneWatchAFolder | undefined
  /** Device and inode of each folder that is watched. */
  #folders: ReadonlyMap<string, string> = new Map()
  /** Those of them that are not watched after all, by their names as they are given to chokidar. */
  readonly #failed = new Set<string>()
  /** Those that were given up by the last call that gave up any, by their names. */
  #left: readonly string[] = []
  #failedMs = 0
  #reportedFailed = false

  constructor(log: Log, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  start(hint: Hint): void {
    this.#watcher = new OneWatchAFolder({ ignoreInitial: true, depth: 0 })
    this.#watcher.on('raw', (event, name, details: unknown) => hint(touchedPath(name, details), event === 'change'))
    this.#watcher.on('error', (error) => this.#fail(error))
  }

  /** These folders are there now, each with its device and inode: one that was made anew is watched anew. */
  follow(folders: ReadonlyMap<string, string>): void {
    const before = this.#folders
    this.#folders = folders
    const isOver = [...before].filter(([folder, inode]) => folders.get(folder) !== inode)
    const again = this.#takeFailed()
    const isNew = [...folders].filter(([folder, inode]) => before.get(folder) !== inode || again.has(nameOf(folder)))
    if (isOver.length > 0) this.#leave(isOver.map(([folder]) => nameOf(folder)))
    if (isNew.length > 0) this.#watcher?.add(isNew.map(([folder]) => nameOf(folder)))
  }

  async stop(): Promise<void> {
    await this.#watcher?.close()
  }

  // Not at once: what is still being begun for a folder stops where chokidar finds its name among those given up.
  #leave(names: readonly string[]): void {
    const there = new Set([...this.#folders.keys()].map(nameOf))
    this.#watcher?.forget(this.#left.filter((name) => !there.has(name)))
    this.#left = names
    this.#watcher?.unwatch([...names])
  }

  #fail(error: unknown): void {
    if (error instanceof Error && 'filename' in error) this.#failed.add(String(error.filename))
    this.#failedMs = this.#clock.monotonicMs()
    if (this.#reportedFailed) return
    this.#reportedFailed = true
    const limit = LIMITS[errnoOf(error) ?? '']
    const remedy = limit === undefined ? '' : `; to watch them, raise ${limit}`
    this.#log.warn(
      { reason: reasonOf(error) },
      `cannot watch folders: checking for new lines every few seconds instead, nothing is lost${remedy}`,
    )
  }

  #takeFailed(): ReadonlySet<string> {
    const failed = new Set(this.#clock.monotonicMs() - this.#failedMs < AGAIN_MS ? [] : this.#failed)
    if (failed.size > 0) this.#failed.clear()
    return failed
  }
}

// Left to itself chokidar reads a folder again, with the inode of every file in it, as often as one of its files is written
// to. Measured with 2,000 files of which 100 get ten lines a second: 99 % of a core, and 63 % without that; idle with 2,000 quiet files 25 % and 9 %.
class OneWatchAFolder extends FSWatcher {
  override _throttle(...[kind, path, ms]: Parameters<FSWatcher['_throttle']>): ReturnType<FSWatcher['_throttle']> {
    return kind !== 'readdir' && super._throttle(kind, path, ms)
  }

  /** Chokidar keeps the names of all that was ever given up, and goes through them for each new folder: a machine of containers has thousands a day. */
  forget(names: readonly string[]): void {
    for (const name of names) {
      this._removeIgnoredPath(name)
      this._watched.delete(name)
    }
    this._userIgnored = undefined
  }
}

function nameOf(folder: string): string {
  return Buffer.from(folder, 'latin1').toString()
}

/** The folder's path and the name in it, as chokidar's raw events carry them. */
function touchedPath(name: string | null, details: unknown): string {
  const folder =
    typeof details === 'object' && details !== null && 'watchedPath' in details ? String(details.watchedPath) : ''
  const path = name === null ? folder : `${folder}/${name}`
  return Buffer.from(path).toString('latin1')
}
