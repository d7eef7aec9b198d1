// One file while it is followed: one stream, one position, one descriptor.
//
//   0 ──────────── settled ───────── position ──── end of file
//      stored for good     open writes         not read yet

import type { Disk, DiskFile, FileStat } from '../../common/disk.ts'
import { assert, errnoOf } from '../../common/fault.ts'
import { lastingBytes } from '../../common/lasting-bytes.ts'
import { HEAD_BYTES, headOf, readFully, TAIL_BYTES, type Fingerprint, type Head } from './fingerprint.ts'
import { inodeKey, openFound } from './inode.ts'
import { nameBytes, nameText } from './pattern.ts'
import { namesOf, writtenName, type FileRecord } from './position-store.ts'
import type { MessageChunks } from '../../common/message/chunk.ts'

const NOTHING = Buffer.alloc(0)

/** A write that has not settled. */
export interface OpenRange {
  readonly to: number
  readonly tail: Buffer
  /** Messages in it. */
  messages: number
  settled: boolean
}

export class FollowedFile {
  readonly stream: string
  device: bigint
  inode: bigint
  path: string
  /** Where that really is, where links lead to it. */
  realPath: string | undefined
  /** Read up to here. */
  position: number
  /** Bytes that were seen of what is followed, at the most: not of what came into the file after a cut. */
  seen: number
  /** As the last look found it. */
  #size: number
  /** The bytes before `position`. */
  tail: Buffer
  /** Everything before it has settled. */
  settled: number
  settledTail: Buffer
  /** There may be something to read. */
  dirty = true
  /** Renamed, removed or replaced: it is read to its end and let go of. */
  leaving = false
  /** Read to its end and settled, and kept for the sake of a writer that comes back to it. */
  lingers = false
  /** Until it has a successor: when the last whole look before it left its name began, ms since the epoch. */
  leftAfterMs: number | undefined
  /** When it last grew or was renamed, monotonic ms. */
  lastMs = 0
  /** Size at which its last line or group was found to be open: not looked at again until it grows. */
  openAt = -1
  /** A line that is longer than a message may be, in pieces. */
  chunks: MessageChunks | undefined
  /** When it was last written to, as the last look saw it, ms since the epoch. */
  modifiedMs: number
  /** When it was last written to, renamed or made, as it was found, ms since the epoch. */
  foundChangedMs: number
  /** The path under which it was written, where it was renamed since, to a followed name or another. */
  rotatedFrom: string | undefined
  /** Where it was found after it had left its name, while it was not open. */
  rotatedTo: string | undefined
  /** It is not open, and a look found it under no name. */
  gone = false
  /** A file of our own making, to be removed at the end. */
  temporary: string | undefined
  /** What was given back, and has not been read again. */
  givenBack: { readonly messages: number; readonly error: unknown } | undefined
  /** Its stream is on the disk: it may be read. */
  known = false
  /** The stream is over: nothing of it is saved any more, whatever of it is still open. */
  ended = false
  /** Not before this, monotonic ms: reading it, or writing what it holds, has failed. */
  retryMs = 0
  /** Counts rewinds: what was being read meanwhile is void. */
  rewinds = 0
  // The first bytes, as they were read, until they are enough for a whole head; then only their hash is kept.
  #headBytes: Buffer | undefined
  #head: Head
  readonly #hasZeros: boolean
  #file: DiskFile | undefined
  #ranges: OpenRange[] = []

  constructor({ stream, stat, path, position }: FollowedFrom, head: Buffer, tail: Buffer) {
    this.stream = stream
    this.device = stat.device
    this.inode = stat.inode
    this.path = path
    this.#head = headOf(head)
    this.#headBytes = head.length < HEAD_BYTES ? head : undefined
    this.#hasZeros = head[0] === 0
    this.position = position
    this.seen = position
    this.#size = stat.size
    this.modifiedMs = stat.modifiedMs
    this.foundChangedMs = stat.changedMs
    this.tail = tail
    this.settled = position
    this.settledTail = tail
  }

  get key(): string {
    return inodeKey(this)
  }

  /** The names that it is known by. */
  get names(): readonly string[] {
    return namesOf(this)
  }

  /** Beside these names it is looked for. */
  get places(): readonly string[] {
    return this.rotatedTo === undefined ? this.names : [...this.names, this.rotatedTo]
  }

  get hasOpenWrites(): boolean {
    return this.#ranges.length > 0
  }

  /** Whether a line or group at its end waits for what follows. */
  get waits(): boolean {
    return this.openAt > this.position
  }

  get isOpen(): boolean {
    return this.#file !== undefined
  }

  /** Takes over a descriptor. */
  use(file: DiskFile): void {
    assert(!this.#file, 'a followed file has one descriptor')
    this.#file = file
  }

  /** It is at its name no more: it was rotated from there, and what is left of it was found. */
  leave(rotatedFrom: string, { temporary }: { readonly temporary?: string }): void {
    this.leaving = true
    this.rotatedFrom = rotatedFrom
    this.temporary = temporary
  }

  /** It is at this followed name now. */
  renamedTo(path: string): void {
    const written = writtenName(this)
    this.rotatedFrom = written === path ? undefined : written
    this.path = path
  }

  /** The same stream goes on in another file: a renamed, copied, decompressed or rewritten one. */
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

  /** The descriptor; opened by path where it had been closed. Undefined where the path is another file now. */
  async file(disk: Disk): Promise<DiskFile | undefined> {
    return (this.#file ??= await openFound(disk, this.key, this.#knownAs))
  }

  /** Where it is found. */
  get #knownAs(): string {
    return this.temporary ?? this.rotatedTo ?? this.path
  }

  /**
   * A read has failed, for which the descriptor may be to blame: a file of a server that has it no more (ESTALE), a disk that went
   * and came back. It is opened again where it is found by its name.
   */
  async mistrust(disk: Disk, error: unknown): Promise<void> {
    const there = await disk.stat(nameBytes(this.#knownAs)).catch(() => undefined)
    const isOver = errnoOf(error) === 'ESTALE' || (there && inodeKey(there) === this.key)
    if (isOver) await this.closeFile().catch(() => {}) // it has failed already
  }

  /**
   * Whether it begins with what it began with when it was found. While nothing has been read there is no tail to tell that it was
   * cut. Zeros are what a crash, or a writer with room to spare, leaves for what comes.
   */
  beginsAsKnown(bytes: Buffer): boolean {
    const known = this.#head.bytes
    if (known === 0 || this.#hasZeros) return true
    return bytes.length >= known && headOf(bytes.subarray(0, known)).hash === this.#head.hash
  }

  /** Bytes of the file where it is open and has no name any more; undefined where it has one. */
  async unlinkedSize(): Promise<number | undefined> {
    const stat = await this.#file?.stat()
    return stat?.links === 0 ? stat.size : undefined
  }

  /** Whether it is open and still has a name, whatever that is. */
  async hasName(): Promise<boolean> {
    const stat = await this.#file?.stat()
    return stat !== undefined && stat.links > 0
  }

  /** It was found there, by its inode, after it had left its name; true where there may be something to read. */
  foundAt(path: string, { size, modifiedMs }: FileStat): boolean {
    const isTouched = modifiedMs !== this.modifiedMs
    this.rotatedTo = path
    this.modifiedMs = modifiedMs
    this.looked(size)
    return isTouched || size !== this.position
  }

  /**
   * Closes a file that has left its name, where it has another by which it can be had back, and is read to its end or need not
   * be (`evenUnread`). False where it stays open.
   */
  async closeRotated(disk: Disk, evenUnread: boolean): Promise<boolean> {
    if (this.temporary !== undefined) {
      await this.closeFile()
      return true
    }
    const stat = await this.#file?.stat()
    if (!stat || stat.links === 0 || (stat.size !== this.position && !evenUnread)) return false
    const name = await this.#file?.name?.()
    const there = name && (await disk.stat(name).catch(() => undefined))
    if (!there || inodeKey(there) !== this.key) return false
    // Whatever comes to it from now on, the next look finds.
    this.dirty = this.foundAt(nameText(name), stat) && stat.size !== this.position
    await this.closeFile()
    return true
  }

  /** Its size as it is found now. Where it is smaller than it was, that was what is followed. */
  looked(size: number): void {
    if (size < this.#size) this.seen = Math.max(this.seen, this.#size)
    this.#size = size
  }

  /** It is not what was followed any more, or not there. Returns how many bytes were seen and not read. */
  async unreadBytes(): Promise<number> {
    this.looked((await this.#file?.stat())?.size ?? 0)
    return this.unread
  }

  /** Bytes that were seen, as far as is known, and not read. */
  get unread(): number {
    return Math.max(0, this.seen - this.position)
  }

  /** When it was last written to, ms since the epoch; undefined where it is not open. */
  async writtenMs(): Promise<number | undefined> {
    return (await this.#file?.stat())?.modifiedMs
  }

  async closeFile(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  /** Reading has gone on to `to`; the bytes before it are in `bytes`, from `start` up to `end`. Returns what to settle. */
  advance(to: number, bytes: Buffer, end: number, start: number): OpenRange {
    this.givenBack = undefined
    this.#growHead(bytes.subarray(end - (to - this.position), end))
    const from = Math.max(start, end - TAIL_BYTES)
    this.tail = lastingBytes(bytes.subarray(from, end))
    this.position = to
    const range = { to, tail: this.tail, messages: 0, settled: false }
    this.#ranges.push(range)
    return range
  }

  /** A range has settled; true where the unbroken settled run grew by it. */
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
   * The write of a range was given back, for this reason: reading begins again behind what has settled. Returns how many messages
   * that are; undefined where it has begun again already.
   */
  rewind(range: OpenRange, error: unknown): number | undefined {
    if (!this.#ranges.includes(range)) return undefined
    const messages = this.#ranges.reduce((sum, each) => sum + (each.settled ? 0 : each.messages), 0)
    this.givenBack = { messages: messages + (this.givenBack?.messages ?? 0), error }
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

  /** What has been read of it: to recognise it now. */
  get fingerprintRead(): Fingerprint {
    return { head: this.#head, tail: this.tail, position: this.position }
  }

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

  // It grows by what is read and given on: what lies behind may be half of a write.
  #growHead(read: Buffer): void {
    const known = this.#headBytes
    if (!known || this.position > known.length || this.position + read.length <= known.length) return
    const from = known.length - this.position
    const head = Buffer.concat([known, read.subarray(from, from + HEAD_BYTES - known.length)])
    this.#head = headOf(head)
    this.#headBytes = head.length < HEAD_BYTES ? lastingBytes(head) : undefined
  }
}

/** Where the file of this inode key really is, where links lead to it from `path`; else, and where that cannot be told, undefined. */
export async function realPathOf(disk: Disk, path: string, key: string): Promise<string | undefined> {
  const real = await disk.realPath(nameBytes(path)).catch(() => undefined)
  if (!real || nameText(real) === path) return undefined
  const stat = await disk.statLink(real).catch(() => undefined)
  return stat && inodeKey(stat) === key ? nameText(real) : undefined
}

/** Where following a file begins. */
export interface FollowedFrom {
  readonly stream: string
  readonly stat: FileStat
  /** The name that it was written under. */
  readonly path: string
  readonly position: number
}

/**
 * A file that is followed from a position on, before which the bytes `known` are expected. `file` is read, and stays the caller's.
 * Rejects with EAGAIN if it was truncated since it was looked at.
 */
export async function followFrom(from: FollowedFrom, file: DiskFile, known: Buffer = NOTHING): Promise<FollowedFile> {
  const { position } = from
  // The head first: where it is cut between the two, the tail tells.
  const head = await readFully(file, 0, HEAD_BYTES)
  const tailAt = Math.max(0, position - TAIL_BYTES)
  const tail = await readFully(file, tailAt, position - tailAt)
  if (tail.length < position - tailAt || !tail.subarray(tail.length - known.length).equals(known)) {
    throw Object.assign(new Error('EAGAIN: it was cut as it was opened'), { code: 'EAGAIN' })
  }
  return new FollowedFile(from, head, tail)
}
