// Makes names durable. A synced file can still be lost together with its name: the folder that holds the name must be
// synced too, and so must the folders above it that were created on the way (fsync(2)).

import { dirname } from 'node:path'
import type { Disk } from './disk.ts'
import { errnoOf } from './fault.ts'
import { DURABLE_FOLDERS_MAX } from './limits.ts'

// Errors of folders that this user may not read, that cannot be written to or that do not support sync: either no
// name was created there, or nothing more can be done. Examples are a read-only root, a folder with unusual
// permissions, a share of another system.
const BEYOND_SYNC = new Set(['EACCES', 'EPERM', 'EROFS', 'EINVAL', 'ENOTSUP'])

/** Syncs the folders that hold new names. The parents of each folder are synced only once, since this process may have created them. */
export class DurableNames {
  readonly #disk: Disk
  readonly #known = new Set<string>()

  constructor(disk: Disk) {
    this.#disk = disk
  }

  /** Resolves when the newly created file or folder at `path` would survive a power cut. */
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
