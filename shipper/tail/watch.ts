// Hints that something has changed in the folders that sweeps go through. They are only hints: sweeps find everything, and a
// folder that cannot be watched costs a few seconds of delay and nothing else.
//
// Folders are watched, not files: inotify also reports writes to the files in a folder, so five thousand files need one watch.

import { FSWatcher } from 'chokidar'
import type { Clock } from '../../common/clock.ts'
import { errnoOf, reasonOf } from '../../common/fault.ts'
import type { Log } from '../../common/log.ts'
import { nameText, shownName } from './pattern.ts'

/** Called with the path of a file or folder, and whether it was only written to. */
export type Hint = (path: string, written: boolean) => void

// After this time a folder that could not be watched is tried again: a limit may have been raised, or watches released.
const AGAIN_MS = 60_000

// inotify(7): the errors when a limit of this user is reached, and the setting that raises it.
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
  /** Names, as passed to chokidar, of the folders that could not be watched. */
  readonly #failed = new Set<string>()
  /** Names of the folders that were given up most recently. */
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

  /** Sets the folders to watch, each with its device and inode: a folder that was removed and created again is watched again. */
  follow(folders: ReadonlyMap<string, string>): void {
    const before = this.#folders
    this.#folders = folders
    const isOver = [...before].filter(([folder, inode]) => folders.get(folder) !== inode)
    const again = this.#takeFailed()
    const isNew = [...folders].filter(([folder, inode]) => before.get(folder) !== inode || again.has(shownName(folder)))
    if (isOver.length > 0) this.#leave(isOver.map(([folder]) => shownName(folder)))
    if (isNew.length > 0) this.#watcher?.add(isNew.map(([folder]) => shownName(folder)))
  }

  async stop(): Promise<void> {
    await this.#watcher?.close()
  }

  // Names are forgotten one call later: chokidar cancels a watch that is still being set up when it finds the name among those given up.
  #leave(names: readonly string[]): void {
    const there = new Set([...this.#folders.keys()].map(shownName))
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

// By default chokidar reads a folder again, with a stat of every file in it, whenever one of its files is written
// to. Measured with 2,000 files of which 100 get ten lines a second: 99 % of a core, and 63 % without that; idle with 2,000 quiet files 25 % and 9 %.
class OneWatchAFolder extends FSWatcher {
  override _throttle(...[kind, path, ms]: Parameters<FSWatcher['_throttle']>): ReturnType<FSWatcher['_throttle']> {
    return kind !== 'readdir' && super._throttle(kind, path, ms)
  }

  /** Chokidar keeps all names that were ever given up and goes through them for each new folder; a container host has thousands a day. */
  forget(names: readonly string[]): void {
    for (const name of names) {
      this._removeIgnoredPath(name)
      this._watched.delete(name)
    }
    this._userIgnored = undefined
  }
}

/** The path of a folder or file, from the name and the details of one of chokidar's raw events. */
function touchedPath(name: string | null, details: unknown): string {
  const folder =
    typeof details === 'object' && details !== null && 'watchedPath' in details ? String(details.watchedPath) : ''
  const path = name === null ? folder : `${folder}/${name}`
  return nameText(Buffer.from(path))
}
