// The real disk, for a process that dies at a given step. A step is a call that changes something. After the death no call has
// an effect or gets an answer.
//
//   before   the call is not done
//   torn     half of the call is done if it is a write; any other call is not done
//   after    the call is done, but the process does not get the result
//   power    the call is not done, and the machine loses power: files have the length of their last sync, and names that
//            were created since the last sync of their folder are gone

import { lstatSync, rmSync, truncateSync } from 'node:fs'
import { dirname } from 'node:path'
import { systemDisk, type Disk, type DiskFile, type Path } from '../../common/disk.ts'

export const waysToDie = ['before', 'torn', 'after', 'power'] as const
export type WayToDie = (typeof waysToDie)[number]

export class CrashDisk {
  readonly disk: Disk
  readonly #way: WayToDie
  #stepsLeft: number
  #dead = false
  /** Number of calls in progress. */
  #running = 0
  /** By inode, how many bytes of a file would survive a power cut, and the file's current path. */
  readonly #synced = new Map<string, { bytes: number; path: string }>()

  /** Files and folders that were created since the last sync of their folder. */
  readonly #names = new Set<string>()

  /** The process dies at step `step`, counted from 0. */
  constructor(step: number, way: WayToDie) {
    this.#stepsLeft = step
    this.#way = way
    this.disk = this.#mortal()
  }

  get isDead(): boolean {
    return this.#dead
  }

  /** Whether all calls that began before the death have ended. */
  get isStill(): boolean {
    return this.#running === 0
  }

  /** Removes what a power cut loses; does nothing for the other ways to die. */
  loseUnsynced(): void {
    if (this.#way !== 'power') return
    for (const [inode, { path, bytes }] of this.#synced) {
      // Skipped if the path no longer leads to this file, because it was removed while it was being opened.
      if (String(lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino) === inode) truncateSync(path, bytes)
    }
    for (const path of this.#names) rmSync(path, { recursive: true, force: true })
  }

  async #reading<T>(call: () => Promise<T>): Promise<T> {
    if (this.#dead) return never()
    this.#running += 1
    try {
      return await call()
    } finally {
      this.#running -= 1
    }
  }

  /** Runs a call that changes something, or dies at it. `half` does half of the call. */
  async #changing<T>(call: () => Promise<T>, half?: () => Promise<unknown>): Promise<T> {
    if (this.#dead) return never()
    this.#stepsLeft -= 1
    if (this.#stepsLeft >= 0) return this.#reading(call)
    this.#dead = true
    this.#running += 1
    if (this.#way === 'after') await call()
    if (this.#way === 'torn') await half?.()
    this.#running -= 1
    return never()
  }

  #mortal(): Disk {
    const disk = systemDisk
    return {
      stat: (path) => this.#reading(() => disk.stat(path)),
      statLink: (path) => this.#reading(() => disk.statLink(path)),
      statAll: (folder, names, told) => this.#reading(() => disk.statAll(folder, names, told)),
      realPath: (path) => this.#reading(() => disk.realPath(path)),
      list: (folder) => this.#reading(() => disk.list(folder)),
      readFile: (path) => this.#reading(() => disk.readFile(path)),
      freeBytes: (path) => this.#reading(() => disk.freeBytes(path)),
      ownFolder: (...args) => this.#changing(() => disk.ownFolder(...args)),
      setMode: (path, mode) => this.#changing(() => disk.setMode(path, mode)),
      makeFolder: (path, mode) =>
        this.#changing(async () => {
          const first = await systemDisk.makeFolder(path, mode)
          if (first !== undefined)
            for (let made = path; made.length >= first.length; made = dirname(made)) this.#names.add(made)
          return first
        }),
      syncFolder: (folder) => this.#changing(() => this.#syncFolder(folder)),
      open: (path, how, mode) => {
        const opened = async () => {
          if (!(await systemDisk.statLink(path))) this.#names.add(String(path))
          return this.#file(await systemDisk.open(path, how, mode), path)
        }
        return how === 'read' ? this.#reading(opened) : this.#changing(opened)
      },
      replaceFile: (path, bytes, mode) =>
        this.#changing(async () => {
          await systemDisk.replaceFile(path, bytes, mode)
          this.#forget(path)
          await this.#remember(path, bytes.length)
          await this.#syncFolder(dirname(path))
        }),
      rename: (from, to) =>
        this.#changing(async () => {
          await systemDisk.rename(from, to)
          this.#forget(to)
          for (const known of this.#synced.values()) if (known.path === String(from)) known.path = String(to)
          if (this.#names.delete(String(from))) this.#names.add(String(to))
        }),
      remove: (path) =>
        this.#changing(async () => {
          await systemDisk.remove(path)
          this.#forget(path)
          this.#names.delete(String(path))
        }),
    }
  }

  async #syncFolder(folder: string): Promise<void> {
    await systemDisk.syncFolder(folder)
    for (const path of this.#names) if (dirname(path) === folder) this.#names.delete(path)
  }

  /** To be called when the file that had this path is gone. */
  #forget(path: Path): void {
    for (const [inode, known] of this.#synced) if (known.path === String(path)) this.#synced.delete(inode)
  }

  async #remember(path: Path, bytes: number): Promise<void> {
    const stat = await systemDisk.stat(path)
    if (stat) this.#synced.set(String(stat.inode), { bytes, path: String(path) })
  }

  async #file(file: DiskFile, path: Path): Promise<DiskFile> {
    const { inode, size, links } = await file.stat()
    const key = String(inode)
    // What the file has when it is opened counts as synced. A file without a name has nothing to lose in a power cut.
    if (links > 0 && !this.#synced.has(key)) this.#synced.set(key, { bytes: size, path: String(path) })
    const keep = async () => {
      const { size: bytes } = await file.stat()
      const known = this.#synced.get(key)
      if (known) known.bytes = bytes
    }
    return {
      read: (...args) => this.#reading(() => file.read(...args)),
      stat: () => this.#reading(() => file.stat()),
      close: () => this.#reading(() => file.close()),
      setOwner: (...args) => this.#changing(() => file.setOwner(...args)),
      setMode: (mode) => this.#changing(() => file.setMode(mode)),
      write: (from, offset, length, position) =>
        this.#changing(
          () => file.write(from, offset, length, position),
          () => file.write(from, offset, length >> 1, position),
        ),
      sync: () =>
        this.#changing(async () => {
          await file.sync()
          await keep()
        }),
      truncate: (bytes) =>
        this.#changing(async () => {
          await file.truncate(bytes)
          await keep()
        }),
    }
  }
}

const never = <T>(): Promise<T> => new Promise(() => {})
