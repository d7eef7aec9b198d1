// Opens output files and creates their folders. Only new files and folders get the configured mode and owner, so that later changes by an
// administrator are kept.

import { dirname } from 'node:path'
import { accountId } from './account.ts'
import { errnoOf } from '../../common/fault.ts'
import type { Disk, DiskFile, FileStat, OpenHow } from '../../common/disk.ts'
import { readFully } from '../../common/read-fully.ts'
import { withFile } from '../../common/with-file.ts'

export interface FileAccess {
  readonly mode: number
  readonly folderMode: number
  /** Names or numbers; if absent, those of the process are kept. */
  readonly owner?: string | undefined
  readonly group?: string | undefined
}

export interface Opened {
  readonly handle: DiskFile
  readonly stat: FileStat
  /** The path is a symbolic link to the file. */
  readonly isLink: boolean
  /** The file does not end with a newline. */
  readonly endsMidLine: boolean
}

const UNCHANGED = -1
const NEWLINE = 0x0a

export class FileOpener {
  readonly #disk: Disk
  readonly #access: FileAccess
  #user = UNCHANGED
  #group = UNCHANGED

  constructor(disk: Disk, access: FileAccess) {
    this.#disk = disk
    this.#access = access
  }

  /** Looks up the owner and group of new files; rejects with a Fault if this machine does not know the name. */
  async prepare(): Promise<void> {
    const { owner, group } = this.#access
    if (owner !== undefined) this.#user = await accountId(this.#disk, 'user', owner)
    if (group !== undefined) this.#group = await accountId(this.#disk, 'group', group)
  }

  /** The current file of this name. */
  stat(path: string): Promise<FileStat | undefined> {
    return this.#disk.stat(path)
  }

  /**
   * Opens a file to append to it. Rejects with the system's error, with ELOOP for a link that must not be followed. Reads how the file
   * ends, unless it `isKnown`.
   */
  async open(path: string, followsLink: boolean, isKnown: (stat: FileStat) => boolean): Promise<Opened> {
    const there = await this.#disk.statLink(path)
    if (!there) await this.#makeFolder(dirname(path))
    // A link that was put there meanwhile is not followed: its file would get our mode and owner.
    const handle = await this.#open(path, followsLink && there ? 'append' : 'append-no-link')
    try {
      // Sets the mode again, since the umask may have removed bits in open(). By the descriptor, as for the owner: somebody may have put a
      // link in place of the name.
      if (!there) {
        await handle.setMode(this.#access.mode)
        await this.own(handle)
      }
      const stat = await handle.stat()
      const endsMidLine = !isKnown(stat) && (await this.#endsMidLine(path, stat))
      return { handle, stat, isLink: there?.kind === 'link', endsMidLine }
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  async #open(path: string, how: OpenHow): Promise<DiskFile> {
    try {
      return await this.#disk.open(path, how, this.#access.mode)
    } catch (cause) {
      // fifo(7): the system calls it "no such device or address".
      if (errnoOf(cause) !== 'ENXIO') throw cause
      const text = `ENXIO: a pipe that nobody reads, or a socket, open '${path}'`
      throw Object.assign(new Error(text, { cause }), { code: 'ENXIO' })
    }
  }

  // A program that was killed while the disk was full, or a crash of the machine, leaves an incomplete line. A file that this user may write
  // but not read is assumed to end with a newline.
  async #endsMidLine(path: string, { kind, size }: FileStat): Promise<boolean> {
    if (kind !== 'file' || size === 0) return false
    try {
      const last = await withFile(this.#disk, path, 'read', (file) => readFully(file, size - 1, 1))
      return last.length === 1 && last[0] !== NEWLINE
    } catch (error) {
      if (errnoOf(error) === 'EACCES') return false
      throw error
    }
  }

  async #makeFolder(folder: string): Promise<void> {
    const first = await this.#disk.makeFolder(folder, this.#access.folderMode)
    if (first === undefined) return
    for (let made = folder; made.length >= first.length; made = dirname(made)) {
      await this.#disk.ownFolder(made, this.#access.folderMode, this.#user, this.#group)
    }
  }

  /** Sets the configured owner of a file. */
  async own(file: DiskFile): Promise<void> {
    if (this.#user !== UNCHANGED || this.#group !== UNCHANGED) await file.setOwner(this.#user, this.#group)
  }
}
