// How much the next group may use: within `max`, which all lanes share, and leaving `keep_free` bytes free on their disk.

import { reasonOf } from '../fault.ts'
import { SPOOL_SEGMENT_BYTES_MAX, SPOOL_SEGMENT_BYTES_MIN, SPOOL_SEGMENTS, SPOOL_SPACE_CHECK_MS } from '../limits.ts'
import { RateLimitedWarning } from '../log.ts'
import type { Platform } from '../platform.ts'
import type { SegmentList } from './segments.ts'
import { Signal } from './signal.ts'
import type { SpoolOptions } from './spool-options.ts'

/** How many bytes a group may have. */
export interface Room {
  readonly bytes: number
  /** Whether a single item may exceed `bytes`. */
  readonly forOne: boolean
}

/** One of the spools (lanes) that share the room. */
export interface SpaceUser {
  readonly list: SegmentList
  /** When its oldest unacknowledged message was received, µs since the epoch; undefined if that is not known. */
  readonly oldest: number | undefined
  /** Drops its oldest segment; false if only the newest is left. */
  dropOldest(): Promise<boolean>
  /** If everything is acknowledged, frees the disk space of the newest segment except for its marks. */
  shrink(): void
}

export class SpoolRoom {
  /** Size at which a lane begins a new segment. */
  readonly segmentBytes: number
  /** Raised when a segment was removed, or everything in a lane is acknowledged. */
  readonly freed = new Signal()
  readonly #name: string
  readonly #folder: string
  readonly #options: SpoolOptions
  readonly #platform: Platform
  readonly #lanes: SpaceUser[] = []
  readonly #warning: RateLimitedWarning
  /** Bytes of groups that are being written. */
  #underWay = 0
  #askedMs = -Infinity
  #freeBytes = 0

  /** `lanes` is the number of lanes that will join. */
  constructor(name: string, folder: string, lanes: number, options: SpoolOptions, platform: Platform) {
    this.#name = name
    this.#folder = folder
    this.#options = options
    this.#platform = platform
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
    const part = Math.ceil(options.bytesMax / SPOOL_SEGMENTS / lanes)
    this.segmentBytes = Math.min(SPOOL_SEGMENT_BYTES_MAX, Math.max(SPOOL_SEGMENT_BYTES_MIN, part))
  }

  join(lane: SpaceUser): void {
    this.#lanes.push(lane)
  }

  /** Bytes of the segments of all lanes. */
  get bytes(): number {
    return this.#lanes.reduce((sum, { list }) => sum + list.bytes, 0)
  }

  /** Unacknowledged messages in all lanes. */
  get messages(): number {
    return this.#lanes.reduce((sum, { list }) => sum + list.messages, 0)
  }

  /** When the oldest of them was received, µs since the epoch; undefined if no lane knows. */
  get oldest(): number | undefined {
    const known = this.#lanes.flatMap(({ oldest }) => (oldest === undefined ? [] : [oldest]))
    return known.length > 0 ? Math.min(...known) : undefined
  }

  /**
   * Whether the disk has enough free space for a group of up to `bytes`. The system is asked once a second, and whenever the
   * free space it last reported, less what was written since, no longer suffices.
   */
  async hasFree(bytes: number): Promise<boolean> {
    const { freeBytesMin } = this.#options
    const { clock, disk } = this.#platform
    const nowMs = clock.monotonicMs()
    const needed = freeBytesMin + this.#underWay + bytes
    if (nowMs - this.#askedMs >= SPOOL_SPACE_CHECK_MS || this.#freeBytes < needed) {
      try {
        this.#freeBytes = await disk.freeBytes(this.#folder)
      } catch (error) {
        // The write itself fails if there is no room.
        const values = { destination: this.#name, reason: reasonOf(error) }
        this.#warning.warn(values, 'cannot determine the free space of the disk of the spool')
        return true
      }
      this.#askedMs = nowMs
    }
    if (this.#freeBytes >= needed) return true
    this.#warning.warn(
      { destination: this.#name, folder: this.#folder, freeBytesMin },
      'the disk of the spool has too little free space',
    )
    return false
  }

  /** How much a group may use now. The caller reserves it with `take` before it awaits anything. */
  get left(): Room {
    // A batch larger than the whole spool is accepted when the spool is empty, or has nothing left that could be dropped.
    const isAlone =
      this.#lanes.every(({ list }) => list.isDrained) ||
      (this.#drops && this.#lanes.every(({ list }) => list.all.length < 2))
    return {
      bytes: this.#options.bytesMax - this.bytes - this.#underWay,
      forOne: isAlone && this.#underWay === 0,
    }
  }

  /** Reserves the bytes of a group that is about to be written. */
  take(bytes: number): void {
    this.#underWay += bytes
  }

  /** Ends the reservation: the group is in its segment list, or was given up. */
  taken(bytes: number, isWritten: boolean): void {
    this.#underWay -= bytes
    if (isWritten) this.#freeBytes -= bytes
  }

  reportFull(): void {
    const { bytesMax } = this.#options
    this.#warning.warn({ destination: this.#name, bytes: this.bytes, bytesMax }, 'the spool is full')
  }

  /** Waits until there may be more room. */
  more(signal: AbortSignal): Promise<void> {
    // Begun first, since a lane may shrink at once.
    const freed = this.freed.within(SPOOL_SPACE_CHECK_MS, this.#platform.clock, signal)
    for (const lane of this.#lanes) lane.shrink()
    return freed
  }

  /** With `drop-oldest`, drops the oldest segment of the fullest lane. False with `block`, or if there is none to drop. */
  async drop(): Promise<boolean> {
    if (!this.#drops) return false
    const [fullest] = this.#lanes.filter(({ list }) => list.all.length > 1).sort((a, b) => b.list.bytes - a.list.bytes)
    const dropped = fullest !== undefined && (await fullest.dropOldest())
    if (dropped) this.changed()
    return dropped
  }

  /** Space was freed: the next `hasFree` asks the system again. */
  changed(): void {
    this.#askedMs = -Infinity
  }

  get #drops(): boolean {
    return this.#options.whenFull === 'drop-oldest'
  }
}
