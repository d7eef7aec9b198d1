// Room for the next group: within the bound of all lanes together, and with the free space of their disk left above the floor.

import { sleep } from '../clock.ts'
import { reasonOf } from '../fault.ts'
import { SPOOL_SEGMENT_BYTES_MAX, SPOOL_SEGMENT_BYTES_MIN, SPOOL_SEGMENTS, SPOOL_SPACE_CHECK_MS } from '../limits.ts'
import { RateLimitedWarning } from '../log.ts'
import type { Platform } from '../platform.ts'
import type { SegmentList } from './segments.ts'
import { Signal } from './signal.ts'
import type { SpoolOptions } from './spool-options.ts'

/** What a group may take of the bound. */
export interface Room {
  readonly bytes: number
  /** One item may go over it. */
  readonly forOne: boolean
}

/** One of the spools that share the room. */
export interface Roommate {
  readonly list: SegmentList
  /** When its oldest message that is not acknowledged was received, µs since the epoch, as far as that is known. */
  readonly oldest: number | undefined
  /** Drops its oldest segment; false where there is none but the newest. */
  dropOldest(): Promise<boolean>
  /** Gives back the disk where it has nothing to give. */
  shrink(): void
}

export class SpoolRoom {
  /** So large becomes a segment of each lane. */
  readonly segmentBytes: number
  /** A segment is gone, or everything in a lane is acknowledged. */
  readonly freed = new Signal()
  readonly #name: string
  readonly #folder: string
  readonly #options: SpoolOptions
  readonly #platform: Platform
  readonly #lanes: Roommate[] = []
  readonly #warning: RateLimitedWarning
  /** Bytes of groups that are being written. */
  #underWay = 0
  #askedMs = -Infinity
  #freeBytes = 0

  /** `lanes` are so many as will join. */
  constructor(name: string, folder: string, lanes: number, options: SpoolOptions, platform: Platform) {
    this.#name = name
    this.#folder = folder
    this.#options = options
    this.#platform = platform
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
    const part = Math.ceil(options.bytesMax / SPOOL_SEGMENTS / lanes)
    this.segmentBytes = Math.min(SPOOL_SEGMENT_BYTES_MAX, Math.max(SPOOL_SEGMENT_BYTES_MIN, part))
  }

  join(lane: Roommate): void {
    this.#lanes.push(lane)
  }

  /** Of all files. */
  get bytes(): number {
    return this.#lanes.reduce((sum, { list }) => sum + list.bytes, 0)
  }

  /** Messages that are not acknowledged. */
  get messages(): number {
    return this.#lanes.reduce((sum, { list }) => sum + list.messages, 0)
  }

  /** When the oldest of them was received, µs since the epoch, as far as that is known. */
  get oldest(): number | undefined {
    const known = this.#lanes.flatMap(({ oldest }) => (oldest === undefined ? [] : [oldest]))
    return known.length > 0 ? Math.min(...known) : undefined
  }

  /** Whether the disk has enough free space for a group of up to `bytes`. Asked once a second, and whenever what was left then may be used up. */
  async hasFree(bytes: number): Promise<boolean> {
    const { freeBytesMin } = this.#options
    const { clock, disk } = this.#platform
    const nowMs = clock.monotonicMs()
    const needed = freeBytesMin + this.#underWay + bytes
    if (nowMs - this.#askedMs >= SPOOL_SPACE_CHECK_MS || this.#freeBytes < needed) {
      try {
        this.#freeBytes = await disk.freeBytes(this.#folder)
      } catch (error) {
        // Then the write says whether there is room.
        const values = { destination: this.#name, reason: reasonOf(error) }
        this.#warning.warn(values, 'cannot determine the free space of the disk of the spool')
        return true
      }
      this.#askedMs = nowMs
    }
    if (this.#freeBytes >= needed) return true
    this.#warning.warn({ destination: this.#name, freeBytesMin }, 'the disk of the spool has too little free space')
    return false
  }

  /** What a group may take now. It is `take`n before anything else is waited for. */
  get left(): Room {
    // One batch that is larger than all of the spool goes when nothing else is in it, or nothing that could be dropped.
    const isAlone =
      this.#lanes.every(({ list }) => list.isDrained) ||
      (this.#drops && this.#lanes.every(({ list }) => list.all.length < 2))
    return {
      bytes: this.#options.bytesMax - this.bytes - this.#underWay,
      forOne: isAlone && this.#underWay === 0,
    }
  }

  /** A group of so many bytes is being written. */
  take(bytes: number): void {
    this.#underWay += bytes
  }

  /** It is in its list, or given up. */
  taken(bytes: number, isWritten: boolean): void {
    this.#underWay -= bytes
    if (isWritten) this.#freeBytes -= bytes
  }

  /** Says that the spool is full. */
  reportFull(): void {
    const { bytesMax } = this.#options
    this.#warning.warn({ destination: this.#name, bytes: this.bytes, bytesMax }, 'the spool is full')
  }

  /** Waits until there may be more. */
  more(signal: AbortSignal): Promise<void> {
    const freed = this.freed.next()
    for (const lane of this.#lanes) lane.shrink()
    return Promise.race([freed, sleep(this.#platform.clock, SPOOL_SPACE_CHECK_MS, signal)])
  }

  /** Drops the oldest segment of the fullest lane where that is allowed; false where it is not, or where there is none to drop. */
  async drop(): Promise<boolean> {
    if (!this.#drops) return false
    const [fullest] = this.#lanes.filter(({ list }) => list.all.length > 1).sort((a, b) => b.list.bytes - a.list.bytes)
    const dropped = fullest !== undefined && (await fullest.dropOldest())
    if (dropped) this.changed()
    return dropped
  }

  /** Space was given back: it is asked for anew. */
  changed(): void {
    this.#askedMs = -Infinity
  }

  get #drops(): boolean {
    return this.#options.whenFull === 'drop-oldest'
  }
}
