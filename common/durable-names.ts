// A file that is synced may still be lost with its name: the folder that holds the name has to be synced too, and so on up
// for folders that were made on the way (fsync(2)).

import { dirname } from 'node:path'
import type { Disk } from './disk.ts'
import { errnoOf } from './fault.ts'
import { DURABLE_FOLDERS_MAX } from './limits.ts'

// What this user may not read, what cannot be written to and what knows no sync holds no name that was made here, or
// nothing better can be had: a read-only root, a folder of odd permissions, a share of another system.
const BEYOND_SYNC = new Set(['EACCES', 'EPERM', 'EROFS', 'EINVAL', 'ENOTSUP'])

/** Syncs names, and those of folders only once each: they may have been made by this process. */
export class DurableNames {
  readonly #disk: Disk
  readonly #known = new Set<string>()

  constructor(disk: Disk) {
    this.#disk = disk
  }

  /** Resolves when the file or folder at `path`, which was just made, is found there after a power cut. */
  async sync(path: string): Promise<void> {
    let folder = dirname(path)
    await this.#syncFolder(folder)
    while (!this.#known.has(folder) && dirname(folder) !== folder) {
      if (this.#known.size >= DURABLE_FOLDERS_MAX) this.#known.clear()
      const above = dirname(folder)
      await this.#syncFolder(above)
      this.#known.add(folder)
      folder = above
    }
  }

  async #syncFolder(folder: string): Promise<void> {
    try {
      await this.#disk.syncFolder(folder)
    } catch (error) {
      if (!BEYOND_SYNC.has(errnoOf(error) ?? '')) throw error
    }
  }
}
