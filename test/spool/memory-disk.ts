// A disk in memory that knows what is synced, can stop at any operation, and simulates what a power cut leaves.

import {
  bytesWrittenOf,
  type Disk,
  type DiskFile,
  type OpenHow,
  type FileStat,
  type Path,
  type StatCallback,
} from '../../common/disk.ts'

const SECTOR = 4096

interface Inode {
  readonly number: bigint
  now: Buffer
  durable: Buffer
  modifiedMs: number
  /** Number of names. */
  links: number
  /** Capacity of the memory of `now`. */
  room?: number
}

/** Returns a number 0 ≤ x < 1. */
type Dice = () => number

/** A pseudorandom generator. */
export function dice(seed: number): Dice {
  let state = seed >>> 0 || 1
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state >>> 8) / 2 ** 24
  }
}

export class MemoryDisk implements Disk {
  /** Directory entries as they are now, and as a power cut would leave them. */
  files = new Map<string, Inode>()
  durableFiles = new Map<string, Inode>()
  /** Number of operations so far that change something or make it durable. */
  operations = 0
  /** The operation at which the disk stops. */
  stopsAt = Infinity
  /** Maximum total size of all files. */
  capacity = Infinity
  /** Returns an error for an operation on a path, or undefined. A failing write still writes the error's `bytesWritten`. */
  failing: (operation: string, path: string, bytes?: number) => Error | undefined = () => undefined
  /** The clock for modification times, ms since the epoch. */
  nowMs: () => number = () => 0
  #inodes = 0n

  get used(): number {
    let bytes = 0
    for (const { now } of this.files.values()) bytes += now.length
    return bytes
  }

  /** The disk after a power cut: each unsynced sector and name survives or not, at random. */
  afterPowerCut(roll: Dice): MemoryDisk {
    const disk = new MemoryDisk()
    disk.#inodes = this.#inodes
    disk.nowMs = this.nowMs
    disk.capacity = this.capacity
    const names = new Set([...this.files.keys(), ...this.durableFiles.keys()])
    for (const name of names) {
      const inode = roll() < 0.5 ? this.files.get(name) : this.durableFiles.get(name)
      const same = this.files.get(name) === this.durableFiles.get(name)
      const kept = same ? this.files.get(name) : inode
      if (!kept) continue
      const bytes = torn(kept, roll)
      const copy = { ...kept, now: bytes, durable: bytes, room: 0 }
      disk.files.set(name, copy)
      disk.durableFiles.set(name, copy)
    }
    return disk
  }

  /** The disk after only the process was killed. Operations that it has in progress do not affect this disk. */
  afterKill(): MemoryDisk {
    const disk = new MemoryDisk()
    disk.#inodes = this.#inodes
    disk.nowMs = this.nowMs
    disk.capacity = this.capacity
    const copies = new Map<Inode, Inode>()
    for (const inode of [...this.files.values(), ...this.durableFiles.values()]) {
      copies.set(inode, { ...inode, now: Buffer.from(inode.now), durable: Buffer.from(inode.durable), room: 0 })
    }
    for (const [name, inode] of this.files) disk.files.set(name, copies.get(inode)!)
    for (const [name, inode] of this.durableFiles) disk.durableFiles.set(name, copies.get(inode)!)
    return disk
  }

  open(path: Path, how: OpenHow): Promise<DiskFile> {
    const name = String(path)
    return this.#act(how === 'read' ? 'read' : 'open', name, () => {
      let inode = this.files.get(name)
      if (inode && how === 'create') throw systemError('EEXIST')
      if (!inode) {
        if (how === 'read') throw systemError('ENOENT')
        inode = this.#newInode(Buffer.alloc(0))
        this.files.set(name, inode)
      }
      return new MemoryFile(this, name, inode, how.startsWith('append'))
    })
  }

  #newInode(bytes: Buffer): Inode {
    this.#inodes += 1n
    return { number: this.#inodes, now: bytes, durable: bytes, modifiedMs: this.nowMs(), links: 1 }
  }

  /** Appends to a file on behalf of another process, creating it if necessary. Durable at once. */
  plant(path: string, bytes: Buffer): void {
    const inode = this.files.get(path) ?? this.#newInode(Buffer.alloc(0))
    putBytes(inode, bytes, inode.now.length)
    inode.durable = inode.now
    inode.modifiedMs = this.nowMs()
    this.files.set(path, inode)
    this.durableFiles.set(path, inode)
  }

  stat(path: Path): Promise<FileStat | undefined> {
    const name = String(path)
    const inode = this.files.get(name)
    const isFolder = !inode && [...this.files.keys()].some((file) => file.startsWith(`${name}/`))
    return Promise.resolve(isFolder ? folderStat(name) : inode && statOf(inode))
  }

  async statAll(folder: Buffer, names: readonly Buffer[], told: StatCallback): Promise<void> {
    for (const name of names) {
      await this.stat(`${String(folder)}/${String(name)}`).then(
        (stat) => told(name, stat),
        (error: unknown) => told(name, undefined, error),
      )
    }
  }

  statLink(path: Path): Promise<FileStat | undefined> {
    return this.stat(path)
  }

  realPath(path: Path): Promise<Buffer | undefined> {
    return Promise.resolve(this.files.has(String(path)) ? Buffer.from(path) : undefined)
  }

  list(folder: Path): Promise<Buffer[]> {
    const prefix = `${String(folder)}/`
    const names = [...this.files.keys()].flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []))
    return Promise.resolve([...new Set(names.map((name) => name.split('/')[0]))].map((name) => Buffer.from(name)))
  }

  readFile(path: Path): Promise<Buffer> {
    return this.#act('read', String(path), () => Buffer.from(this.#inode(path).now))
  }

  makeFolder(): Promise<string | undefined> {
    return Promise.resolve(undefined)
  }

  remove(path: Path): Promise<void> {
    return this.#act('remove', String(path), () => {
      this.#inode(path).links = 0
      this.files.delete(String(path))
    })
  }

  rename(from: Path, to: Path): Promise<void> {
    return this.#act('rename', String(from), () => this.move(String(from), String(to)))
  }

  /** Renames like a journaling file system: atomic, and durable at once. */
  move(from: string, to: string): void {
    const inode = this.#inode(from)
    const replaced = this.files.get(to)
    if (replaced) replaced.links = 0
    for (const names of [this.files, this.durableFiles]) {
      names.delete(from)
      names.set(to, inode)
    }
  }

  /** Copies a file and truncates it to 0, like logrotate's `copytruncate`; atomic, and durable at once. */
  copyAndCut(from: string, to: string): void {
    const inode = this.#inode(from)
    this.plant(to, Buffer.from(inode.now))
    delete inode.room
    inode.now = inode.durable = Buffer.alloc(0)
    inode.modifiedMs = this.nowMs()
  }

  replaceFile(path: string, bytes: Buffer): Promise<void> {
    return this.#act('replaceFile', path, () => {
      const replaced = this.files.get(path)
      if (replaced) replaced.links = 0
      const inode = this.#newInode(Buffer.from(bytes))
      this.files.set(path, inode)
      this.durableFiles.set(path, inode)
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

  ownFolder = done
  setMode = done

  /** Runs an operation asynchronously; never, once the disk has stopped. */
  async act<T>(operation: string, path: string, call: () => T): Promise<T> {
    return this.#act(operation, path, call)
  }

  async #act<T>(operation: string, path: string, call: () => T): Promise<T> {
    if (this.operations >= this.stopsAt) throw systemError('EIO')
    if (operation !== 'read') this.operations += 1
    if (this.operations >= this.stopsAt) throw systemError('EIO')
    const wrong = operation === 'write' ? undefined : this.failing(operation, path)
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
  readonly #appends: boolean

  constructor(disk: MemoryDisk, path: string, inode: Inode, appends: boolean) {
    this.#disk = disk
    this.#path = path
    this.#inode = inode
    this.#appends = appends
  }

  read(into: Buffer, offset: number, length: number, position: number): Promise<number> {
    return this.#disk.act('read', this.#path, () => {
      const { now } = this.#inode
      return position < now.length ? now.copy(into, offset, position, Math.min(position + length, now.length)) : 0
    })
  }

  async write(from: Buffer, offset: number, length: number, place?: number): Promise<void> {
    const position = this.#appends || place === undefined ? this.#inode.now.length : place
    const wrong = this.#disk.failing('write', this.#path, length)
    if (wrong) {
      this.#put(from.subarray(offset, offset + bytesWrittenOf(wrong)), position)
      throw wrong
    }
    const room = this.#disk.capacity - this.#disk.used
    const grows = Math.max(0, position + length - this.#inode.now.length)
    const fits = Math.min(length, length - (grows - room))
    // A disk that stops during a write may have any part of it.
    this.#put(from.subarray(offset, offset + Math.max(0, fits)), position)
    await this.#disk.act('write', this.#path, () => {})
    if (fits < length) throw Object.assign(systemError('ENOSPC'), { bytesWritten: Math.max(0, fits) })
  }

  #put(bytes: Buffer, position: number): void {
    if (this.#disk.operations >= this.#disk.stopsAt) return
    putBytes(this.#inode, bytes, position)
    this.#inode.modifiedMs = this.#disk.nowMs()
  }

  sync(): Promise<void> {
    return this.#disk.act('sync', this.#path, () => {
      this.#inode.durable = this.#inode.now
    })
  }

  truncate(bytes: number): Promise<void> {
    return this.#disk.act('truncate', this.#path, () => {
      const shorter = Buffer.alloc(bytes)
      shorter.set(this.#inode.now.subarray(0, bytes))
      this.#inode.now = shorter
      this.#inode.room = bytes
      this.#inode.modifiedMs = this.#disk.nowMs()
    })
  }

  stat(): Promise<FileStat> {
    return Promise.resolve(statOf(this.#inode))
  }

  isAt(path: Path): boolean {
    return this.#disk.files.get(String(path)) === this.#inode
  }

  setOwner = done
  setMode = done

  close(): Promise<void> {
    return Promise.resolve()
  }
}

function folderStat(name: string): FileStat {
  const inode = BigInt(`0x${Buffer.from(name).toString('hex')}`)
  return { kind: 'folder', device: 2n, inode, links: 1, size: 0, modifiedMs: 0, changedMs: 0, mode: 0o750 }
}

// The durable content may share memory with `now`, so bytes are only appended to that memory, never overwritten.
function putBytes(inode: Inode, bytes: Buffer, position: number): void {
  const { now, durable, room = 0 } = inode
  const length = Math.max(now.length, position + bytes.length)
  if (length > room || position < durable.length) {
    inode.room = 2 * length
    const moved = Buffer.alloc(inode.room)
    moved.set(now)
    inode.now = moved.subarray(0, length)
  } else inode.now = Buffer.from(now.buffer, now.byteOffset, length)
  inode.now.set(bytes, position)
}

function torn({ now, durable }: Inode, roll: Dice): Buffer {
  if (now.equals(durable)) return Buffer.from(now)
  const sizes = [now.length, durable.length, durable.length + Math.floor(roll() * (now.length - durable.length))]
  const bytes = Buffer.alloc(Math.max(0, sizes[Math.floor(roll() * 3)]))
  // Nearly nothing, half or nearly all of the sectors were written.
  const share = [0.02, 0.5, 0.98][Math.floor(roll() * 3)]
  for (let at = 0; at < bytes.length; at += SECTOR) {
    const from = roll() < share ? now : durable
    if (at < from.length) from.copy(bytes, at, at, at + SECTOR)
  }
  return bytes
}

function statOf({ now, number, links, modifiedMs }: Inode): FileStat {
  return {
    kind: 'file',
    device: 1n,
    inode: number,
    links,
    size: now.length,
    modifiedMs,
    changedMs: modifiedMs,
    mode: 0o640,
  }
}

// Permissions and owners have no effect: every process is root.
function done(): Promise<void> {
  return Promise.resolve()
}

/** Makes the next operation of that name fail with EIO, on any path. */
export function failOnce(disk: MemoryDisk, name: string): void {
  disk.failing = (operation) => {
    if (operation !== name) return undefined
    disk.failing = () => undefined
    return systemError('EIO')
  }
}

/** A system error like those that Node throws. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: planted`), { code })
}
