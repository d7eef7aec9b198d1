// Hints that something has changed below the base folders. Only hints: the sweep is what finds, and what chokidar
// misses, cannot watch or does not know yet costs a few seconds and nothing else.
//
// Folders are watched, not files: inotify reports what is written to the files of a folder too, and five thousand files
// need one watch.

import { watch, type FSWatcher } from 'chokidar'
import { reasonOf } from '../../common/fault.ts'
import type { Log } from '../../common/log.ts'

export class FolderWatch {
  readonly #log: Log
  #watcher: FSWatcher | undefined
  #saidFailed = false

  constructor(log: Log) {
    this.#log = log
  }

  /** Begins to watch; `hint` is called with the path of a file or folder, and whether it was only written to. */
  start(folders: readonly string[], depth: number, hint: (path: string, written: boolean) => void): void {
    const names = folders.map((folder) => Buffer.from(folder, 'latin1').toString())
    this.#watcher = watch(names, {
      ignored: (_, stats) => stats?.isFile() === true,
      ignoreInitial: true,
      depth: Number.isFinite(depth) ? depth : 64,
      persistent: true,
    })
    this.#watcher.on('raw', (event, name, details: unknown) => hint(touchedPath(name, details), event === 'change'))
    this.#watcher.on('addDir', (path) => hint(Buffer.from(path).toString('latin1'), false))
    this.#watcher.on('error', (error) => {
      if (this.#saidFailed) return
      this.#saidFailed = true
      this.#log.warn({ reason: reasonOf(error) }, 'folders cannot be watched: looking every few seconds instead')
    })
  }

  async stop(): Promise<void> {
    await this.#watcher?.close()
  }
}

/** The folder's path and the name in it, as chokidar's raw events carry them. */
function touchedPath(name: string | null, details: unknown): string {
  const folder =
    typeof details === 'object' && details !== null && 'watchedPath' in details ? String(details.watchedPath) : ''
  const path = name === null ? folder : `${folder}/${name}`
  return Buffer.from(path).toString('latin1')
}
