// The segments of a spool, oldest first, up to what is synced. Writer, reader and removal share this list and nothing else.

import type { Disk, FileStat } from '../disk.ts'
import type { SegmentHead } from './segment-head.ts'
import { Signal } from './signal.ts'

export interface Segment {
  readonly path: string
  /** Id of the stream that its positions belong to: that of this spool, or of the original that this spool is a copy of. */
  readonly stream: string
  /** Position before its first message. */
  readonly first: number
  /** Length of its head, which is the offset of its first record. */
  readonly headBytes: number
  /** Initial value of the CRC-32 of its records. */
  readonly salt: number
  /** Position after its last message. */
  end: number
  /** Bytes that are synced. Nothing after them is ever read. */
  bytes: number
  /** Removed: nothing more is read from it. */
  gone: boolean
}

/**
 * Every start continues this many positions after any position that could have been used, so that positions never repeat, even if
 * the disk lost what it had reported as synced, or a machine was reset to an older image. It is more than the messages of any segment.
 */
export const START_GAP = 2 ** 32

const NAME = /^(\d{16})\.spool$/

/** The path of the segment that begins at a position. */
export function segmentPath(folder: string, first: number): string {
  return `${folder}/${segmentName(first)}`
}

const segmentName = (first: number) => `${String(first).padStart(16, '0')}.spool`

/** The positions at which the segments in a folder begin, ascending. */
export async function listSegments(disk: Disk, folder: string): Promise<number[]> {
  const names = (await disk.list(folder)).map((name) => NAME.exec(name.toString('latin1')))
  return names.flatMap((match) => (match ? [Number(match[1])] : [])).sort((a, b) => a - b)
}

/**
 * Number of messages in missing segments between one that ends at `end` and one whose head says that the segment before it ended at
 * `previousEnd`. The program may have been started in between, and each start skipped `START_GAP` positions.
 */
export function missingBetween(end: number, previousEnd: number): number {
  return Math.max(0, previousEnd - end) % START_GAP
}

/** Why something that has the name of a segment is none; undefined if it is one. */
export function whyForeign(kind: FileStat['kind'], first: number, head: SegmentHead | undefined): string | undefined {
  if (kind !== 'file') return `it is a ${kind === 'folder' ? 'folder' : 'special file'}`
  return head && head.first !== first ? `it is a copy of ${segmentName(head.first)}, or was renamed` : undefined
}

export class SegmentList {
  readonly all: Segment[]
  /** Position up to which the receiver has everything. */
  acknowledged: number
  /** Position after the last segment that was dropped because there was no room. */
  dropped = 0
  /** Position up to which messages were read. */
  handedOut: number
  /** Bytes of all segments. */
  bytes: number
  /** Raised when a group is synced. */
  readonly grown = new Signal()
  readonly #freed: Signal

  /** `freed` is raised when a segment was removed, or everything is acknowledged. */
  constructor(segments: readonly Segment[], acknowledged: number, freed: Signal) {
    this.#freed = freed
    this.all = [...segments]
    this.acknowledged = acknowledged
    this.handedOut = acknowledged
    this.bytes = segments.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Records that a group is synced; `segment` is a new one or the newest of the list. */
  grow(segment: Segment, bytes: number, end: number): void {
    if (this.all.at(-1) !== segment) this.all.push(segment)
    segment.bytes += bytes
    segment.end = end
    this.bytes += bytes
    this.grown.raise()
  }

  /** Replaces the newest segment after its file was cut to its head, so that the reader opens it again. */
  cutNewest(): Segment {
    const newest = this.all.pop()!
    const cut = { ...newest, bytes: newest.headBytes }
    this.all.push(cut)
    this.bytes -= newest.bytes - cut.bytes
    return cut
  }

  /** Removes the oldest segment from the list. */
  shift(): void {
    this.bytes -= this.all.shift()!.bytes
    this.#freed.raise()
  }

  acknowledge(position: number): void {
    if (position <= this.acknowledged) return
    this.acknowledged = position
    if (this.isDrained) this.#freed.raise()
  }

  /** Position up to which everything is acknowledged, or was dropped and counted. */
  get done(): number {
    return Math.max(this.acknowledged, this.dropped)
  }

  /** Whether everything is acknowledged. */
  get isDrained(): boolean {
    return this.messages === 0
  }

  /** Number of unacknowledged messages. */
  get messages(): number {
    return this.all.reduce((sum, segment) => sum + messagesWithin(segment, this.acknowledged, Infinity), 0)
  }
}

/** Number of messages of a segment between two positions. There may be gaps between segments, so messages are counted per segment. */
export function messagesWithin({ first, end }: Pick<Segment, 'first' | 'end'>, from: number, to: number): number {
  return Math.max(0, Math.min(end, to) - Math.max(first, from))
}
