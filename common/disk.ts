// Access to the disk, behind one interface so that a simulation can tear writes, lose unsynced ones and run out of space.
//
// Paths may be Buffers: a file's name is bytes, and not every name is UTF-8.

import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { errnoOf } from './fault.ts'
import { isKnownLocal, isLocal } from './local-devices.ts'

export type Path = string | Buffer

export interface FileStat {
  readonly kind: 'file' | 'folder' | 'link' | 'socket' | 'other'
  readonly device: bigint
  readonly inode: bigint
  /** When it was created, in nanoseconds since the epoch: tells it from a removed file whose inode it has. Absent where that is unknown. */
  readonly bornNs?: bigint
  /** Number of hard links; 0 for a file that is open but has been removed. */
  readonly links: number
  /** Bytes. */
  readonly size: number
  /** When its content was last changed, in milliseconds since the epoch. */
  readonly modifiedMs: number
  /** When its content, names, owner or permissions were last changed, in milliseconds since the epoch. */
  readonly changedMs: number
  /** Permission bits. */
  readonly mode: number
}

/** An open file. Every call rejects with the system's error (`errnoOf`). */
export interface DiskFile {
  /** Reads at `position`; resolves to the bytes read, 0 at the end. */
  read(into: Buffer, offset: number, length: number, position: number): Promise<number>
  /**
   * Writes all bytes: at `position`, or at the end of a file opened with `append`. A rejection says how many bytes
   * were written before it (`bytesWrittenOf`), so that the caller can continue at the right byte.
   */
  write(from: Buffer, offset: number, length: number, position?: number): Promise<void>
  /** Resolves when data and size are on disk (fdatasync). */
  sync(): Promise<void>
  truncate(bytes: number): Promise<void>
  stat(): Promise<FileStat>
  /** Whether this path currently leads to this file; undefined, or absent, if finding out could block for long. */
  isAt?(path: Path): boolean | undefined
  /** Its current name according to the kernel, wherever it was renamed to; undefined, or absent, where that is unknown. */
  name?(): Promise<Buffer | undefined>
  setOwner(user: number, group: number): Promise<void>
  setMode(mode: number): Promise<void>
  close(): Promise<void>
}

/** Called with the stat of a name, with undefined if it does not exist, or with the error that prevented the call. */
export type StatCallback = (name: Buffer, stat: FileStat | undefined, error?: unknown) => void

/**
 * `append` and `write` create the file if it is missing, `create` fails with EEXIST if it exists. `append-no-link` is `append` that fails
 * with ELOOP for a symbolic link.
 */
export type OpenHow = 'read' | 'append' | 'append-no-link' | 'write' | 'create'

export interface Disk {
  /** How many descriptors this process may have open; absent if unknown. */
  readonly openMax?: number
  open(path: Path, how: OpenHow, mode?: number): Promise<DiskFile>
  /** Follows symbolic links; undefined if the path does not exist. */
  stat(path: Path): Promise<FileStat | undefined>
  /** Does not follow symbolic links; undefined if the path does not exist. */
  statLink(path: Path): Promise<FileStat | undefined>
  /** The path with all symbolic links resolved, as bytes; undefined if it does not exist. */
  realPath(path: Path): Promise<Buffer | undefined>
  /** Stats each of `names` in `folder`, following symbolic links, and calls `told` once for each. One call serves many names. */
  statAll(folder: Buffer, names: readonly Buffer[], told: StatCallback): Promise<void>
  /** Names in a folder, as bytes; empty if there is no such folder. */
  list(folder: Path): Promise<Buffer[]>
  /** Rejects with EFBIG if there are more than `bytesMax`: a name may lead to an endless file, such as /dev/zero. */
  readFile(path: Path, bytesMax?: number): Promise<Buffer>
  /** Replaces a file atomically: temporary name, sync, rename, sync of the folder. */
  replaceFile(path: string, bytes: Buffer, mode?: number): Promise<void>
  /** Creates the folder and its missing parents; returns the first one that it created. */
  makeFolder(path: string, mode?: number): Promise<string | undefined>
  /** Sets the mode of a folder, and its owner and group unless they are -1. Rejects if it is a link: somebody may have put one in its place. */
  ownFolder(path: Path, mode: number, user: number, group: number): Promise<void>
  setMode(path: Path, mode: number): Promise<void>
  rename(from: Path, to: Path): Promise<void>
  remove(path: Path): Promise<void>
  /** Makes the creation, renaming and removal of names in this folder durable. */
  syncFolder(path: string): Promise<void>
  /** Bytes that this user can still write to the file system of `path`. */
  freeBytes(path: string): Promise<number>
}

const append =
  fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_APPEND | fs.constants.O_NOCTTY | fs.constants.O_NONBLOCK

const flags = {
  read: fs.constants.O_RDONLY | fs.constants.O_NONBLOCK,
  append,
  'append-no-link': append | fs.constants.O_NOFOLLOW,
  write: fs.constants.O_RDWR | fs.constants.O_CREAT,
  create: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL,
} as const

// Small reads from local file systems are synchronous, since they are usually served from memory. Measured on two
// cores: reading the last line of a file takes 1 µs, and 40 µs through a thread of the pool; a stat takes 3 µs, and
// 40 to 70 through the pool. Calls that may wait for a network, or longer for the disk, go through the pool.
const AT_ONCE_BYTES = 64 * 1024
const AT_ONCE_FILES = 256

// Callback functions instead of fs.promises: a FileHandle call costs about twice as much, and reads and writes of the
// hot path go through here.
class SystemFile implements DiskFile {
  readonly #descriptor: number
  readonly #isLocal: boolean
  readonly #device: bigint
  readonly #inode: bigint

  constructor(descriptor: number, isLocal: boolean, { dev, ino }: fs.BigIntStats) {
    this.#descriptor = descriptor
    this.#isLocal = isLocal
    this.#device = dev
    this.#inode = ino
  }

  async read(into: Buffer, offset: number, length: number, position: number): Promise<number> {
    if (!this.#isLocal) return this.#read(into, offset, length, position)
    const first = Math.min(length, AT_ONCE_BYTES)
    const bytes = fs.readSync(this.#descriptor, into, offset, first, position)
    if (bytes < first || bytes === length) return bytes
    return bytes + (await this.#read(into, offset + bytes, length - bytes, position + bytes))
  }

  #read(into: Buffer, offset: number, length: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.read(this.#descriptor, into, offset, length, position, (error, bytes) =>
        error ? reject(error) : resolve(bytes),
      )
    })
  }

  write(from: Buffer, offset: number, length: number, position?: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const next = (done: number) => {
        const at = position === undefined ? null : position + done
        fs.write(this.#descriptor, from, offset + done, length - done, at, (error, bytes) => {
          if (error) reject(Object.assign(error, { bytesWritten: done }))
          else if (done + bytes < length) next(done + bytes)
          else resolve()
        })
      }
      next(0)
    })
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      // fsync(2): a device or a pipe, which stores nothing, fails with EINVAL.
      fs.fdatasync(this.#descriptor, (error) => (error && error.code !== 'EINVAL' ? reject(error) : resolve()))
    })
  }

  truncate(bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.ftruncate(this.#descriptor, bytes, (error) => (error ? reject(error) : resolve()))
    })
  }

  async stat(): Promise<FileStat> {
    if (this.#isLocal) return fileStat(fs.fstatSync(this.#descriptor, { bigint: true }))
    return new Promise((resolve, reject) => {
      fs.fstat(this.#descriptor, { bigint: true }, (error, stat) => (error ? reject(error) : resolve(fileStat(stat))))
    })
  }

  isAt(path: Path): boolean | undefined {
    if (!isKnownLocal(Number(this.#device))) return undefined
    try {
      const there = fs.statSync(path, { bigint: true, throwIfNoEntry: false })
      return there?.ino === this.#inode && there.dev === this.#device
    } catch (error) {
      // A component of the path is not a folder, or is a link to itself: the path leads nowhere, and so not to this file.
      return isMissing(error) || errnoOf(error) === 'ELOOP' ? false : undefined
    }
  }

  name(): Promise<Buffer | undefined> {
    return fs.promises.readlink(`/proc/self/fd/${this.#descriptor}`, { encoding: 'buffer' }).catch(() => undefined)
  }

  setOwner(user: number, group: number): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fchown(this.#descriptor, user, group, (error) => (error ? reject(error) : resolve()))
    })
  }

  setMode(mode: number): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fchmod(this.#descriptor, mode, (error) => (error ? reject(error) : resolve()))
    })
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.close(this.#descriptor, (error) => (error ? reject(error) : resolve()))
    })
  }
}

export const systemDisk: Disk = {
  ...readOpenMax(),
  open(path, how, mode = 0o640) {
    return new Promise((resolve, reject) => {
      fs.open(path, flags[how], mode, (error, descriptor) => {
        if (error) return reject(error)
        try {
          const stat = fs.fstatSync(descriptor, { bigint: true })
          const isNear = isLocal(Number(stat.dev), path)
          resolve(new SystemFile(descriptor, how === 'read' && isNear, stat))
        } catch (failure) {
          // Such as ESTALE on a network file system. Thrown from this callback, it would end the process.
          fs.close(descriptor, () => reject(failure))
        }
      })
    })
  },
  stat: (path) => present(fs.promises.stat(path, { bigint: true })),
  statLink: (path) => present(fs.promises.lstat(path, { bigint: true })),
  async realPath(path) {
    try {
      return await fs.promises.realpath(path, { encoding: 'buffer' })
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  },
  async statAll(folder, names, told) {
    for (let i = 0; i < names.length; i += AT_ONCE_FILES) {
      // Goes through the pool: it checks that the folder exists, and lets other work run.
      const at = await fs.promises.stat(folder)
      const some = names.slice(i, i + AT_ONCE_FILES)
      if (isLocal(at.dev, folder)) for (const name of some) tellAtOnce(folder, name, told)
      else await Promise.all(some.map((name) => tell(folder, name, told)))
    }
  },
  async list(folder) {
    try {
      return await fs.promises.readdir(folder, { encoding: 'buffer' })
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
  },
  readFile: (path, bytesMax) => (bytesMax === undefined ? fs.promises.readFile(path) : readUpTo(path, bytesMax)),
  async replaceFile(path, bytes, mode = 0o640) {
    const temporary = `${path}.new`
    const file = await fs.promises.open(temporary, 'w', mode)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await fs.promises.rename(temporary, path)
    await this.syncFolder(dirname(path))
  },
  makeFolder: (path, mode = 0o750) => makeFolders(path, mode),
  async ownFolder(path, mode, user, group) {
    const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = fs.constants
    const folder = await fs.promises.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    try {
      await folder.chmod(mode)
      if (user >= 0 || group >= 0) await folder.chown(user, group)
    } finally {
      await folder.close()
    }
  },
  setMode: (path, mode) => fs.promises.chmod(path, mode),
  rename: (from, to) => fs.promises.rename(from, to),
  remove: (path) => fs.promises.unlink(path),
  async syncFolder(path) {
    const folder = await fs.promises.open(path, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  },
  async freeBytes(path) {
    const stat = await fs.promises.statfs(path)
    return stat.bavail * stat.bsize
  },
}

/** proc(5): the limit on this process's descriptors. Node has already raised it to the hard limit. */
function readOpenMax(): Pick<Disk, 'openMax'> {
  try {
    const openMax = /^Max open files +(\d+)/m.exec(fs.readFileSync('/proc/self/limits', 'latin1'))?.[1]
    return openMax === undefined ? {} : { openMax: Number(openMax) }
  } catch {
    return {} // not Linux, or no /proc
  }
}

async function readUpTo(path: Path, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of fs.createReadStream(path, { end: bytesMax })) chunks.push(chunk as Buffer)
  const bytes = Buffer.concat(chunks)
  if (bytes.length <= bytesMax) return bytes
  throw Object.assign(new Error(`EFBIG: more than ${bytesMax} bytes, read '${path.toString()}'`), { code: 'EFBIG' })
}

// Node's `recursive` is not used: it retries for ever if a folder cannot be created although its parent exists, as below /proc.
async function makeFolders(path: string, mode: number): Promise<string | undefined> {
  try {
    return (await makeOneFolder(path, mode)) ? path : undefined
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || dirname(path) === path) throw error
  }
  const first = await makeFolders(dirname(path), mode)
  const made = await makeOneFolder(path, mode)
  return first ?? (made ? path : undefined)
}

/** Creates one folder; resolves to false if it exists already. Rejects with ENOTDIR for a file, as for a folder below one. */
async function makeOneFolder(path: string, mode: number): Promise<boolean> {
  try {
    await fs.promises.mkdir(path, { mode })
    return true
  } catch (error) {
    const there = errnoOf(error) === 'EEXIST' && (await present(fs.promises.stat(path, { bigint: true })))
    if (!there) throw error
    if (there.kind === 'folder') return false
    const text = `ENOTDIR: not a directory, mkdir '${path}'`
    throw Object.assign(new Error(text, { cause: error }), { code: 'ENOTDIR' })
  }
}

/** How many bytes a rejected `DiskFile.write` had written. */
export function bytesWrittenOf(error: unknown): number {
  return error instanceof Error && 'bytesWritten' in error ? Number(error.bytesWritten) : 0
}

function tellAtOnce(folder: Buffer, name: Buffer, told: StatCallback): void {
  let stat: FileStat | undefined
  try {
    const found = fs.statSync(below(folder, name), { bigint: true, throwIfNoEntry: false })
    stat = found && fileStat(found)
  } catch (error) {
    return isMissing(error) ? told(name, undefined) : told(name, undefined, error)
  }
  told(name, stat)
}

function tell(folder: Buffer, name: Buffer, told: StatCallback): Promise<void> {
  const failed = (error: unknown) => told(name, undefined, error)
  return systemDisk.stat(below(folder, name)).then((stat) => told(name, stat), failed)
}

const SLASH = Buffer.from('/')

function below(folder: Buffer, name: Buffer): Buffer {
  return folder.at(-1) === SLASH[0] ? Buffer.concat([folder, name]) : Buffer.concat([folder, SLASH, name])
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}

async function present(stat: Promise<fs.BigIntStats>): Promise<FileStat | undefined> {
  try {
    return fileStat(await stat)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

// Where statx(2) is not allowed (old container runtimes), Node gives the time of the last change instead. The file of this
// program was renamed into place, or linked, after it was written.
const ownStat = fs.statSync(process.execPath, { bigint: true, throwIfNoEntry: false })
const tellsBirth = ownStat !== undefined && ownStat.birthtimeNs !== ownStat.ctimeNs

function fileStat(stat: fs.BigIntStats): FileStat {
  return {
    kind: kindOf(stat),
    device: stat.dev,
    inode: stat.ino,
    ...(stat.birthtimeNs > 0n && tellsBirth && { bornNs: stat.birthtimeNs }),
    links: Number(stat.nlink),
    size: Number(stat.size),
    modifiedMs: Number(stat.mtimeMs),
    changedMs: Number(stat.ctimeMs),
    mode: Number(stat.mode & 0o7777n),
  }
}

function kindOf(stat: fs.BigIntStats): FileStat['kind'] {
  if (stat.isFile()) return 'file'
  if (stat.isDirectory()) return 'folder'
  return stat.isSymbolicLink() ? 'link' : stat.isSocket() ? 'socket' : 'other'
}
