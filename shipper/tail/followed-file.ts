// The state of one followed file: one stream, one position, one descriptor.
//
//   0 ──────────── settled ───────── position ──── end of file
//      stored for good     open writes         not read yet

import type { Disk, DiskFile, FileStat } from '../../common/disk.ts'
import { assert, errnoOf } from '../../common/fault.ts'
import { readFully } from '../../common/read-fully.ts'
import { unpooledCopy } from '../../common/unpooled-copy.ts'
import { HEAD_BYTES, headOf, NO_HEAD, TAIL_BYTES, type Fingerprint, type Head } from './fingerprint.ts'
import { inodeKey, isAt, openFound } from './inode.ts'
import { nameText } from './pattern.ts'
import { namesOf, writtenName, type FileRecord } from './position-store.ts'
import { ReadMarks } from './read-marks.ts'
import type { MessageChunks } from '../../common/message/chunk.ts'

const NOTHING = Buffer.alloc(0)

/** The bytes of one write, from the end of the range before it up to `to`, until they are settled. */
export interface OpenRange {
  readonly to: number
  /** The bytes before `to`. */
  readonly tail: Buffer
  /** Number of messages in it. */
  messages: number
  settled: boolean
}

/** Where to begin following a file. */
export interface FollowedFrom {
  readonly stream: string
  readonly stat: FileStat
  /** The name under which the file was written. */
  readonly path: string
  readonly position: number
}

export class FollowedFile {
  readonly stream: string
  device: bigint
  inode: bigint
  path: string
  /** The path without symbolic links, if that is another one. */
  realPath: string | undefined
  /** The file is read up to here. */
  position: number
  /** The largest size, in bytes, that the followed content was seen to have; what came into the file after a truncation is not in it. */
  seen: number
  /** Size of the file when it was last looked at. */
  #size: number
  /** The bytes before `position`. */
  tail: Buffer
  /** Everything before it has settled. */
  settled: number
  settledTail: Buffer
  /** There may be something to read. */
  dirty = true
  /** Renamed, removed or replaced: it is read to its end and then no longer followed. */
  leaving = false
  /** It was empty when it was found or last seen, and nothing was read of it: it may be a copy that is made just now. */
  mayBeCopy: boolean
  /** It had no name any more when it was found to have left its own. */
  isRemoved = false
  /** Read to its end and settled, but still held open because its writer may come back to it. */
  lingers = false
  /** When the last complete sweep before it left its name began, ms since the epoch; undefined once its name has a successor. */
  leftAfterMs: number | undefined
  /** When it last grew or was renamed, monotonic ms. */
  lastMs = 0
  /** File size at which its last line or group was found incomplete: it is not read again until it grows. */
  openAt = -1
  /** The line being read, if it is longer than a message may be and is delivered in pieces. */
  chunks: MessageChunks | undefined
  /** Time of the last write (mtime) as of the last look at it, ms since the epoch. */
  modifiedMs: number
  /** Time of the last change of the inode (ctime: written, renamed or created) when it was found, ms since the epoch. */
  foundChangedMs: number
  /** The path under which it was written, if it was renamed since, whether its new name is followed or not. */
  rotatedFrom: string | undefined
  /** Where it was found by its inode after it had left its name while it was closed. */
  rotatedTo: string | undefined
  /** It is closed, and was found under no name. */
  gone = false
  /** Path of the temporary file that holds a decompressed rest; removed once it is read to its end. */
  temporary: string | undefined
  /** Messages of rejected writes that have not been read again yet, their bytes in the file, and the reason. */
  givenBack: { readonly messages: number; readonly bytes: number; readonly error: unknown } | undefined
  /** The id of its stream is on disk: the file may be read. */
  known = false
  /** The stream has ended: its position is no longer saved, even if writes of it are still open. */
  ended = false
  /** Not read before this time, monotonic ms, because a read of it or a write of its messages has failed. */
  retryMs = 0
  /** Number of rewinds so far. A read during which it changes is discarded. */
  rewinds = 0
  // The first bytes as they were read, until there are enough for a complete head; after that only their hash is kept.
  #headBytes: Buffer | undefined
  #head = NO_HEAD
  #hasZeros = false
  #file: DiskFile | undefined
  #ranges: OpenRange[] = []
  readonly #marks = new ReadMarks()

  constructor({ stream, stat, path, position }: FollowedFrom, head: Buffer, tail: Buffer) {
    this.stream = stream
    this.device = stat.device
    this.inode = stat.inode
    this.path = path
    this.beginsWith(head)
    this.mayBeCopy = head.length === 0 && position === 0
    this.position = position
    this.seen = position
    this.#size = stat.size
    this.modifiedMs = stat.modifiedMs
    this.foundChangedMs = stat.changedMs
    this.tail = tail
    if (position > 0) this.#marks.add({ position, tail })
    this.settled = position
    this.settledTail = tail
  }

  get key(): string {
    return inodeKey(this)
  }

  /** Its path, and its path without links if that is another one. */
  get names(): readonly string[] {
    return namesOf(this)
  }

  /** The paths beside which it is looked for. */
  get searchPaths(): readonly string[] {
    return this.rotatedTo === undefined ? this.names : [...this.names, this.rotatedTo]
  }

  get hasOpenWrites(): boolean {
    return this.#ranges.length > 0
  }

  /** Whether an incomplete line or group at its end waits for the rest of it. */
  get waits(): boolean {
    return this.openAt > this.position
  }

  /** Whether all that was read of it so far is its head, or nothing was. */
  get isShort(): boolean {
    return this.position === 0 || (this.position <= HEAD_BYTES && this.#head.bytes <= this.position)
  }

  /** How many bytes before the position are read again, to see whether the file still is what it was: all of a short one. */
  get overlap(): number {
    return this.isShort ? this.position : this.tail.length
  }

  get isOpen(): boolean {
    return this.#file !== undefined
  }

  /** Takes over a descriptor. */
  use(file: DiskFile): void {
    assert(!this.#file, 'a followed file has one descriptor')
    this.#file = file
  }

  /** The file was rotated away from `rotatedFrom`, and its unread rest was found. */
  leave(rotatedFrom: string, { temporary }: { readonly temporary?: string }): void {
    this.leaving = true
    this.rotatedFrom = rotatedFrom
    this.temporary = temporary
  }

  /** The file is now at this followed name. */
  renamedTo(path: string): void {
    const written = writtenName(this)
    this.rotatedFrom = written === path ? undefined : written
    this.path = path
  }

  /** Continues the stream in another file: a renamed, copied, decompressed or rewritten one. Takes over the descriptor. */
  async moveTo(file: DiskFile, stat: FileStat, path: string): Promise<void> {
    await this.closeFile()
    this.#file = file
    this.device = stat.device
    this.inode = stat.inode
    this.seen = this.position
    this.#size = stat.size
    this.foundChangedMs = stat.changedMs
    this.path = path
    this.rotatedTo = undefined
    this.gone = false
    this.openAt = -1
    this.dirty = true
  }

  /** The descriptor; opened by path if it had been closed. Undefined if another file, or none, is at that path now. */
  async file(disk: Disk): Promise<DiskFile | undefined> {
    return (this.#file ??= await openFound(disk, this.key, this.#openPath))
  }

  /** The path by which it can be opened. */
  get #openPath(): string {
    return this.temporary ?? this.rotatedTo ?? this.path
  }

  /**
   * A read has failed, perhaps because of the descriptor: its NFS server no longer knows the file (ESTALE), or its disk disappeared
   * and came back. Closes it after ESTALE, or if the file is still at its name: the next read opens it again.
   */
  async mistrust(disk: Disk, error: unknown): Promise<void> {
    if (errnoOf(error) === 'ESTALE' || (await isAt(disk, this.key, this.#openPath))) await this.closeFile()
  }

  /** Takes the first bytes of the file, up to `HEAD_BYTES`: it is recognised by them. */
  beginsWith(head: Buffer): void {
    this.#head = headOf(head)
    this.#headBytes = head.length < HEAD_BYTES ? unpooledCopy(head) : undefined
    this.#hasZeros = head[0] === 0
  }

  /**
   * Whether the file still begins with the bytes with which it is known to begin. A file that began with zero bytes is not compared: a
   * crash, or a writer that allocates space ahead, leaves zeros where text is written later.
   */
  beginsAsKnown(bytes: Buffer): boolean {
    const known = this.#head.bytes
    if (known === 0 || this.#hasZeros) return true
    return bytes.length >= known && headOf(bytes.subarray(0, known)).hash === this.#head.hash
  }

  /** Bytes of the file, or fewer if it is shorter or not there. It stays open or closed. */
  async bytesAt(disk: Disk, at: number, length: number): Promise<Buffer> {
    const file = this.#file ?? (await openFound(disk, this.key, this.#openPath))
    try {
      return file ? await readFully(file, at, length) : NOTHING
    } finally {
      if (file !== this.#file) await file?.close()
    }
  }

  /** Up to where another file of `size` bytes is known to be a copy of what was read of this one; 0 if it is none. */
  readOf(copy: DiskFile, size: number): Promise<number> {
    return this.#marks.reachedBy(copy, size, this.#head)
  }

  /** Size of the file if it is open and has no name any more, else undefined. */
  async unlinkedSize(): Promise<number | undefined> {
    const stat = await this.#file?.stat()
    return stat?.links === 0 ? stat.size : undefined
  }

  /** Whether only a link to it was changed: it is still at the path without links at which it was followed. */
  async isBehindLink(disk: Disk): Promise<boolean> {
    return this.realPath !== undefined && (await isAt(disk, this.key, this.realPath))
  }

  /** Whether it is open and has any name. */
  async hasName(): Promise<boolean> {
    const stat = await this.#file?.stat()
    return stat !== undefined && stat.links > 0
  }

  /** Notes that it was found at `path`, by its inode, after it had left its name. Returns whether there may be something to read. */
  foundAt(path: string, { size, modifiedMs }: FileStat): boolean {
    const isChanged = modifiedMs !== this.modifiedMs || size !== this.position
    this.rotatedTo = path
    this.modifiedMs = modifiedMs
    this.looked(size)
    return isChanged
  }

  /**
   * Closes a file that has left its name, if it has another name by which it can be opened again and is read to its end
   * (or `evenUnread`). Returns false if it stays open.
   */
  async closeRotated(disk: Disk, evenUnread: boolean): Promise<boolean> {
    if (this.temporary !== undefined) {
      await this.closeFile()
      return true
    }
    const stat = await this.#file?.stat().catch(() => undefined) // then the next read of it fails too, and is reported
    if (!stat || stat.links === 0 || (stat.size !== this.position && !evenUnread)) return false
    const name = await this.#file?.name?.()
    const named = name && (await disk.stat(name).catch(() => undefined))
    if (!named || inodeKey(named) !== this.key) return false
    // The next sweep finds what is written to it from now on.
    this.dirty = this.foundAt(nameText(name), stat) && stat.size !== this.position
    await this.closeFile()
    return true
  }

  /** Notes its present size. If it has shrunk, the size before was that of the followed content. */
  looked(size: number): void {
    if (size < this.#size) this.seen = Math.max(this.seen, this.#size)
    this.#size = size
  }

  /** The followed content was replaced, or is gone. Returns how many bytes of it were seen but not read. */
  async unreadBytes(): Promise<number> {
    this.looked((await this.#file?.stat())?.size ?? 0)
    return this.unread
  }

  /** Bytes of the followed content that were seen but not read. */
  get unread(): number {
    return Math.max(0, this.seen - this.position)
  }

  /** Time of the last write (mtime), ms since the epoch; undefined if it is not open. */
  async writtenMs(): Promise<number | undefined> {
    return (await this.#file?.stat())?.modifiedMs
  }

  /** Closes the descriptor, if it is open. An error of that is of no interest: nothing was written, and it is released all the same. */
  async closeFile(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close().catch(() => {})
  }

  /** Moves the position to `to`; the bytes before it are `bytes` from `start` to `end`. Returns the range to settle. */
  advance(to: number, bytes: Buffer, end: number, start: number): OpenRange {
    this.givenBack = undefined
    this.#growHead(bytes.subarray(end - (to - this.position), end))
    const from = Math.max(start, end - TAIL_BYTES)
    this.tail = unpooledCopy(bytes.subarray(from, end))
    this.position = to
    this.#marks.add({ position: to, tail: this.tail })
    const range = { to, tail: this.tail, messages: 0, settled: false }
    this.#ranges.push(range)
    return range
  }

  /** Notes that a range has settled. Returns whether the settled position advanced. */
  settle(range: OpenRange): boolean {
    range.settled = true
    let grew = false
    while (this.#ranges[0]?.settled) {
      const { to, tail } = this.#ranges.shift()!
      this.settled = to
      this.settledTail = tail
      grew = true
    }
    return grew
  }

  /**
   * The write of a range was rejected with `error`: reading begins again at the settled position. Returns the number of messages
   * to be read again; undefined if an earlier rejection has rewound the file already.
   */
  rewind(range: OpenRange, error: unknown): number | undefined {
    if (!this.#ranges.includes(range)) return undefined
    const messages = this.#ranges.reduce((sum, each) => sum + (each.settled ? 0 : each.messages), 0)
    const { messages: before, bytes } = this.givenBack ?? { messages: 0, bytes: 0 }
    this.givenBack = { messages: messages + before, bytes: bytes + this.position - this.settled, error }
    this.#ranges = []
    this.position = this.settled
    this.tail = this.settledTail
    this.chunks = undefined
    this.openAt = -1
    this.dirty = true
    this.rewinds += 1
    return messages
  }

  get head(): Head {
    return this.#head
  }

  /** The fingerprint up to the read position, by which the file is recognised now; `record` has the one up to the settled position. */
  get fingerprintRead(): Fingerprint {
    return { head: this.#head, tail: this.tail, position: this.position }
  }

  /** The checkpoint of the stream, up to the settled position. */
  get record(): FileRecord {
    return {
      stream: this.stream,
      device: String(this.device),
      inode: String(this.inode),
      path: this.path,
      realPath: this.realPath,
      rotatedFrom: this.rotatedFrom,
      head: this.#head,
      position: this.settled,
      tail: this.settledTail.toString('base64'),
    }
  }

  // The head grows only by bytes that were read and passed on: bytes after those may be half of a write.
  #growHead(read: Buffer): void {
    const known = this.#headBytes
    if (!known || this.position > known.length || this.position + read.length <= known.length) return
    const from = known.length - this.position
    this.beginsWith(Buffer.concat([known, read.subarray(from, from + HEAD_BYTES - known.length)]))
  }
}
