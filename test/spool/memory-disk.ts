// A disk in memory that knows what is synced and what is not, and can stop at any operation: what a power cut leaves.

import type { Disk, DiskFile, FileStat, Path } from '../../common/disk.ts'

const SECTOR = 4096

interface Inode {
  now: Buffer
  durable: Buffer
}

/** Gives 0 ≤ x < 1. */
type Dice = () => number

/** Numbers that look random and are the same for the same seed. */
export function dice(seed: number): Dice {
  let state = seed >>> 0 || 1
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state >>> 8) / 2 ** 24
  }
}

export class MemoryDisk implements Disk {
  /** Names as they are, and as a power cut would leave them. */
  files = new Map<string, Inode>()
  durableFiles = new Map<string, Inode>()
  /** Operations so far that change something or make it durable. */
  operations = 0
  /** The operation at which everything stops. */
  stopsAt = Infinity
  /** Bytes that all files may have. */
  capacity = Infinity
  /** An error for the next operation of that name on that path. */
  failing: (operation: string, path: string) => Error | undefined = () => undefined

  get used(): number {
    let bytes = 0
    for (const { now } of this.files.values()) bytes += now.length
    return bytes
  }

  /** What is there after a power cut: unsynced sectors and names are there or not, as the dice fall. */
  afterPowerCut(roll: Dice): MemoryDisk {
    const disk = new MemoryDisk()
    const names = new Set([...this.files.keys(), ...this.durableFiles.keys()])
    for (const name of names) {
      const inode = roll() < 0.5 ? this.files.get(name) : this.durableFiles.get(name)
      const same = this.files.get(name) === this.durableFiles.get(name)
      const kept = same ? this.files.get(name) : inode
      if (!kept) continue
      const bytes = torn(kept, roll)
      const copy = { now: bytes, durable: Buffer.from(bytes) }
      disk.files.set(name, copy)
      disk.durableFiles.set(name, copy)
    }
    return disk
  }

  open(path: Path, how: 'read' | 'append' | 'write' | 'create'): Promise<DiskFile> {
    const name = String(path)
    return this.#act(how === 'read' ? 'read' : 'open', name, () => {
      let inode = this.files.get(name)
      if (!inode) {
        if (how === 'read') throw systemError('ENOENT')
        inode = { now: Buffer.alloc(0), durable: Buffer.alloc(0) }
        this.files.set(name, inode)
      }
      return new MemoryFile(this, name, inode)
    })
  }

  stat(path: Path): Promise<FileStat | undefined> {
    const inode = this.files.get(String(path))
    return Promise.resolve(inode && statOf(inode))
  }

  statLink(path: Path): Promise<FileStat | undefined> {
    return this.stat(path)
  }

  list(folder: Path): Promise<Buffer[]> {
    const prefix = `${String(folder)}/`
    const names = [...this.files.keys()].filter((name) => name.startsWith(prefix))
    return Promise.resolve(names.map((name) => Buffer.from(name.slice(prefix.length))))
  }

  readFile(path: Path): Promise<Buffer> {
    return this.#act('read', String(path), () => Buffer.from(this.#inode(path).now))
  }

  makeFolder(): Promise<string | undefined> {
    return Promise.resolve(undefined)
  }

  remove(path: Path): Promise<void> {
    return this.#act('remove', String(path), () => {
      this.#inode(path)
      this.files.delete(String(path))
    })
  }

  syncFolder(path: string): Promise<void> {
    return this.#act('syncFolder', path, () => {
      for (const name of this.durableFiles.keys()) if (name.startsWith(path)) this.durableFiles.delete(name)
      for (const [name, inode] of this.files) if (name.startsWith(path)) this.durableFiles.set(name, inode)
    })
  }

  freeBytes(): Promise<number> {
    return Promise.resolve(this.capacity - this.used)
  }

  replaceFile = unused
  setOwner = unused
  setMode = unused
  rename = unused

  /** One operation: later than the caller, and not at all once everything has stopped. */
  async act<T>(operation: string, path: string, call: () => T): Promise<T> {
    return this.#act(operation, path, call)
  }

  async #act<T>(operation: string, path: string, call: () => T): Promise<T> {
    if (this.operations >= this.stopsAt) throw systemError('EIO')
    if (operation !== 'read') this.operations += 1
    if (this.operations >= this.stopsAt) throw systemError('EIO')
    const wrong = this.failing(operation, path)
    if (wrong) throw wrong
    await Promise.resolve()
    return call()
  }

  #inode(path: Path): Inode {
    const inode = this.files.get(String(path))
    if (!inode) throw systemError('ENOENT')
    return inode
  }
}

class MemoryFile implements DiskFile {
  readonly #disk: MemoryDisk
  readonly #path: string
  readonly #inode: Inode

  constructor(disk: MemoryDisk, path: string, inode: Inode) {
    this.#disk = disk
    this.#path = path
    this.#inode = inode
  }

  read(into: Buffer, offset: number, length: number, position: number): Promise<number> {
    return this.#disk.act('read', this.#path, () => {
      return this.#inode.now.copy(into, offset, position, Math.min(position + length, this.#inode.now.length))
    })
  }

  async write(from: Buffer, offset: number, length: number, position: number): Promise<void> {
    const room = this.#disk.capacity - this.#disk.used
    const grows = Math.max(0, position + length - this.#inode.now.length)
    const fits = Math.min(length, length - (grows - room))
    // A disk that stops in the middle of a write may have any part of it.
    this.#put(from.subarray(offset, offset + Math.max(0, fits)), position)
    await this.#disk.act('write', this.#path, () => {})
    if (fits < length) throw Object.assign(systemError('ENOSPC'), { bytesWritten: Math.max(0, fits) })
  }

  #put(bytes: Buffer, position: number): void {
    if (this.#disk.operations >= this.#disk.stopsAt) return
    const { now } = this.#inode
    const longer = Buffer.alloc(Math.max(now.length, position + bytes.length))
    longer.set(now)
    longer.set(bytes, position)
    this.#inode.now = longer
  }

  sync(): Promise<void> {
    return this.#disk.act('sync', this.#path, () => {
      this.#inode.durable = Buffer.from(this.#inode.now)
    })
  }

  truncate(bytes: number): Promise<void> {
    return this.#disk.act('truncate', this.#path, () => {
      const shorter = Buffer.alloc(bytes)
      shorter.set(this.#inode.now.subarray(0, bytes))
      this.#inode.now = shorter
    })
  }

  stat(): Promise<FileStat> {
    return Promise.resolve(statOf(this.#inode))
  }

  setOwner = unused

  close(): Promise<void> {
    return Promise.resolve()
  }
}

function torn({ now, durable }: Inode, roll: Dice): Buffer {
  if (now.equals(durable)) return Buffer.from(now)
  const sizes = [now.length, durable.length, durable.length + Math.floor(roll() * (now.length - durable.length))]
  const bytes = Buffer.alloc(Math.max(0, sizes[Math.floor(roll() * 3)]))
  // Now nearly all of it was written, now nearly nothing.
  const share = [0.02, 0.5, 0.98][Math.floor(roll() * 3)]
  for (let at = 0; at < bytes.length; at += SECTOR) {
    const from = roll() < share ? now : durable
    if (at < from.length) from.copy(bytes, at, at, at + SECTOR)
  }
  return bytes
}

function statOf({ now }: Inode): FileStat {
  return { kind: 'file', device: 1n, inode: 1n, links: 1, size: now.length, modifiedMs: 0, mode: 0o640 }
}

function unused(): never {
  throw new Error('a spool has no use for this')
}

/** A system error as Node throws it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: planted`), { code })
}
