// One file while it is followed: one stream, one position, one descriptor.
//
//   0 ──────────── settled ───────── position ──── end of file
//      stored for good     open writes         not read yet

import type { Disk, DiskFile, FileStat } from '../../common/disk.ts'
import { assert } from '../../common/fault.ts'
import { HEAD_BYTES, readFully, readHead, TAIL_BYTES, type Fingerprint, type Head } from './fingerprint.ts'
import { nameBytes } from './pattern.ts'
import type { FileRecord } from './position-store.ts'
import type { MessageChunks } from '../../common/message/chunk.ts'

interface OpenRange {
  readonly to: number
  readonly tail: Buffer
  settled: boolean
}

/** Device and inode as one key. */
export function inodeKey({ device, inode }: Pick<FileStat, 'device' | 'inode'>): string {
  return `${device}:${inode}`
}

export class FollowedFile {
  readonly stream: string
  readonly device: bigint
  readonly inode: bigint
  path: string
  head: Head
  /** Read up to here. */
  position: number
  /** The bytes before `position`. */
  tail: Buffer
  /** Everything before it has settled. */
  settled: number
  settledTail: Buffer
  /** There may be something to read. */
  dirty = true
  /** Renamed, removed or replaced: it is read to its end and let go of. */
  leaving = false
  /** When it last grew or was renamed, monotonic ms. */
  lastMs = 0
  /** Size at which its last line or group was found to be open: not looked at again until it grows. */
  openAt = -1
  /** A line that is longer than a message may be, in pieces. */
  chunks: MessageChunks | undefined
  /** When it was last written to, as the last look saw it, ms since the epoch. */
  modifiedMs = -1
  /** The path under which it was written, where it is a rotated file that was found under another. */
  rotatedFrom: string | undefined
  /** A file of our own making, to be removed at the end. */
  temporary: string | undefined
  #file: DiskFile | undefined
  #ranges: OpenRange[] = []

  constructor(stream: string, stat: FileStat, path: string, head: Head, position: number, tail: Buffer) {
    this.stream = stream
    this.device = stat.device
    this.inode = stat.inode
    this.path = path
    this.head = head
    this.position = position
    this.tail = tail
    this.settled = position
    this.settledTail = tail
  }

  get key(): string {
    return inodeKey(this)
  }

  get hasOpenWrites(): boolean {
    return this.#ranges.length > 0
  }

  get isOpen(): boolean {
    return this.#file !== undefined
  }

  /** Takes over a descriptor. */
  use(file: DiskFile): void {
    assert(!this.#file, 'a followed file has one descriptor')
    this.#file = file
  }

  /** The descriptor; opened by path where it had been closed for quiet. Undefined where the path is another file now. */
  async file(disk: Disk): Promise<DiskFile | undefined> {
    if (this.#file) return this.#file
    const file = await disk.open(nameBytes(this.path), 'read')
    const stat = await file.stat()
    if (inodeKey(stat) !== this.key) {
      await file.close()
      return undefined
    }
    this.#file = file
    return file
  }

  /** Bytes of the file where it is open and has no name any more; undefined where it has one. */
  async unlinkedSize(): Promise<number | undefined> {
    const stat = await this.#file?.stat()
    return stat?.links === 0 ? stat.size : undefined
  }

  async closeFile(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  /** Reading has gone on to `to`; the bytes before it are in `bytes` up to `end`. Returns what to settle. */
  advance(to: number, bytes: Buffer, end: number, start: number): OpenRange {
    const from = Math.max(start, end - TAIL_BYTES)
    this.tail = Buffer.from(bytes.subarray(from, end))
    this.position = to
    const range = { to, tail: this.tail, settled: false }
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

  /** A write was given back: reading begins again behind what has settled. */
  rewind(): void {
    this.#ranges = []
    this.position = this.settled
    this.tail = this.settledTail
    this.chunks = undefined
    this.openAt = -1
    this.dirty = true
  }

  /** What has been read of it: to recognise it now. */
  get fingerprintRead(): Fingerprint {
    return { head: this.head, tail: this.tail, position: this.position }
  }

  get record(): FileRecord {
    return {
      stream: this.stream,
      device: String(this.device),
      inode: String(this.inode),
      path: this.path,
      head: this.head,
      position: this.settled,
      tail: this.settledTail.toString('base64'),
    }
  }

  /** The head grows with the file until it is whole. */
  async growHead(): Promise<void> {
    if (this.head.bytes >= HEAD_BYTES || this.settled <= this.head.bytes || !this.#file) return
    // No further than what was read: what lies behind may be half of a write.
    this.head = await readHead(this.#file, this.settled)
  }
}

/** A file that is followed from `position` on; the descriptor is read, and stays the caller's. */
export async function followFrom(
  stream: string,
  file: DiskFile,
  stat: FileStat,
  path: string,
  position: number,
): Promise<FollowedFile> {
  const from = Math.max(0, position - TAIL_BYTES)
  const tail = await readFully(file, from, position - from)
  return new FollowedFile(stream, stat, path, await readHead(file), position, tail)
}
