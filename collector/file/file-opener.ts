// Opens output files: folders made on the way, modes and owners given to what is new and only to that, so that what an
// administrator changed later stays.

import { dirname } from 'node:path'
import type { Disk, DiskFile, FileStat } from '../../common/disk.ts'
import { assert } from '../../common/fault.ts'
import type { Opener } from './output-file.ts'

export interface FileAccess {
  readonly mode: number
  readonly folderMode: number
  /** Numeric ids; absent leaves the process' own. */
  readonly user?: number
  readonly group?: number
}

const UNCHANGED = -1

export class FileOpener implements Opener {
  readonly #disk: Disk
  readonly #access: FileAccess

  constructor(disk: Disk, access: FileAccess) {
    this.#disk = disk
    this.#access = access
  }

  async open(path: string): Promise<{ handle: DiskFile; stat: FileStat }> {
    const there = await this.#disk.stat(path)
    if (!there) await this.#makeFolder(dirname(path))
    const handle = await this.#disk.open(path, 'append', this.#access.mode)
    try {
      // The mode again, since the umask has taken from what open() was given.
      if (!there) {
        await this.#disk.setMode(path, this.#access.mode)
        await this.#own((user, group) => handle.setOwner(user, group))
      }
      return { handle, stat: await handle.stat() }
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  async #makeFolder(folder: string): Promise<void> {
    const first = await this.#disk.makeFolder(folder, this.#access.folderMode)
    if (first === undefined) return
    assert(folder.startsWith(first), 'a folder made on the way is above the one asked for')
    for (let made = folder; made.length >= first.length; made = dirname(made)) {
      await this.#disk.setMode(made, this.#access.folderMode)
      await this.#own((user, group) => this.#disk.setOwner(made, user, group))
    }
  }

  async #own(give: (user: number, group: number) => Promise<void>): Promise<void> {
    const { user, group } = this.#access
    if (user !== undefined || group !== undefined) await give(user ?? UNCHANGED, group ?? UNCHANGED)
  }
}
