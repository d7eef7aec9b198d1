// The segments of a spool, oldest first, as far as they are on the disk for sure. What reads, writes and removes them
// shares this list and nothing else.

import type { Disk } from '../disk.ts'
import { Signal } from './signal.ts'

export interface Segment {
  readonly path: string
  /** Whose its positions are: of the spool, or of the one that this is a copy of. */
  readonly stream: string
  /** Position before its first message. */
  readonly first: number
  /** Bytes of its head; its first record begins behind it. */
  readonly headBytes: number
  /** What the CRC-32 of its records begins with. */
  readonly salt: number
  /** Position after its last message. */
  end: number
  /** Bytes that are synced. Nothing behind them is ever read. */
  bytes: number
  /** Removed: what was not read of it stays unread. */
  gone: boolean
}

/**
 * Every start goes on so many positions further than anything that could have been handed out: positions never return,
 * also where the disk forgot what it said was synced, or a machine was set back to an image of yesterday. No segment has
 * as many messages.
 */
export const START_GAP = 2 ** 32

const NAME = /^(\d{16})\.spool$/

/** The path of the segment that begins at a position. */
export function segmentPath(folder: string, first: number): string {
  return `${folder}/${String(first).padStart(16, '0')}.spool`
}

/** First positions of the segments in a folder, ascending. */
export async function listSegments(disk: Disk, folder: string): Promise<number[]> {
  const names = (await disk.list(folder)).map((name) => NAME.exec(name.toString('latin1')))
  return names.flatMap((match) => (match ? [Number(match[1])] : [])).sort((a, b) => a - b)
}

export class SegmentList {
  readonly all: Segment[]
  /** Position up to which the receiver has everything. */
  acknowledged: number
  /** Position up to which messages were read. */
  handedOut: number
  /** Bytes of all files. */
  bytes: number
  /** A group is synced. */
  readonly grown = new Signal()
  readonly #freed: Signal

  /** `freed` is raised when a segment is gone, or everything is acknowledged. */
  constructor(segments: readonly Segment[], acknowledged: number, freed: Signal) {
    this.#freed = freed
    this.all = [...segments]
    this.acknowledged = acknowledged
    this.handedOut = acknowledged
    this.bytes = segments.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** A group is synced; `segment` is new or the newest of the list. */
  grow(segment: Segment, bytes: number, end: number): void {
    if (this.all.at(-1) !== segment) this.all.push(segment)
    segment.bytes += bytes
    segment.end = end
    this.bytes += bytes
    this.grown.raise()
  }

  /** The newest segment was cut to its head. It is another one now: its reader begins anew. */
  cutNewest(): Segment {
    const newest = this.all.pop()!
    const cut = { ...newest, bytes: newest.headBytes }
    this.all.push(cut)
    this.bytes -= newest.bytes - cut.bytes
    return cut
  }

  /** Takes the oldest away. */
  shift(): void {
    this.bytes -= this.all.shift()!.bytes
    this.#freed.raise()
  }

  acknowledge(position: number): void {
    if (position <= this.acknowledged) return
    this.acknowledged = position
    if (this.isDrained) this.#freed.raise()
  }

  /** Everything is acknowledged. */
  get isDrained(): boolean {
    return this.messages === 0
  }

  /** Messages that are not acknowledged. */
  get messages(): number {
    return this.all.reduce((sum, segment) => sum + messagesWithin(segment, this.acknowledged, Infinity), 0)
  }
}

/** Messages of a segment between two positions. Positions between segments may be skipped, so they are counted one by one. */
export function messagesWithin({ first, end }: Pick<Segment, 'first' | 'end'>, from: number, to: number): number {
  return Math.max(0, Math.min(end, to) - Math.max(first, from))
}
