// Room for the next group: within the spool's bound, and with the free space of its disk left above the floor.

import { sleep } from '../clock.ts'
import { reasonOf } from '../fault.ts'
import { SPOOL_SPACE_CHECK_MS } from '../limits.ts'
import { RateLimitedWarning } from '../log.ts'
import type { Room } from './group-encoder.ts'
import type { SegmentRemoval } from './segment-removal.ts'
import type { SegmentList } from './segments.ts'
import type { SpoolContext } from './spool-options.ts'

export class SpoolRoom {
  readonly #context: SpoolContext
  readonly #list: SegmentList
  readonly #removal: SegmentRemoval
  readonly #warning: RateLimitedWarning
  #askedMs = -Infinity
  #freeBytes = 0

  constructor(context: SpoolContext, list: SegmentList, removal: SegmentRemoval) {
    this.#context = context
    this.#list = list
    this.#removal = removal
    this.#warning = new RateLimitedWarning(context.platform.log, context.platform.clock)
  }

  /**
   * What a group may take of the spool's bound; undefined where the disk has too little free space for a group of up to
   * `bytes`.
   */
  async forGroup(bytes: number): Promise<Room | undefined> {
    const { name, freeBytesMin, bytesMax } = this.#context
    if (!(await this.#hasFree(bytes))) {
      this.#warning.warn({ destination: name, freeBytesMin }, 'the disk of the spool has too little free space')
      return undefined
    }
    // One batch that is larger than all of the spool goes when nothing else is in it, or nothing that could be dropped.
    const { isDrained, all } = this.#list
    return { bytes: bytesMax - this.#list.bytes, forOne: isDrained || (this.#drops && all.length < 2) }
  }

  /** Says that the spool is full. */
  sayFull(): void {
    const { name, bytesMax } = this.#context
    this.#warning.warn({ destination: name, bytes: this.#list.bytes, bytesMax }, 'the spool is full')
  }

  /** Waits until there may be more. */
  more(signal: AbortSignal): Promise<void> {
    return Promise.race([this.#list.freed.next(), sleep(this.#context.platform.clock, SPOOL_SPACE_CHECK_MS, signal)])
  }

  /** Drops the oldest segment where that is allowed; false where it is not, or where there is none to drop. */
  async drop(): Promise<boolean> {
    const dropped = this.#drops && (await this.#removal.dropOldest())
    if (dropped) this.changed()
    return dropped
  }

  /** Space was given back: it is asked for anew. */
  changed(): void {
    this.#askedMs = -Infinity
  }

  wrote(bytes: number): void {
    this.#freeBytes -= bytes
  }

  get #drops(): boolean {
    return this.#context.whenFull === 'drop-oldest'
  }

  // Asked once a second, and whenever what was left then may be used up.
  async #hasFree(bytes: number): Promise<boolean> {
    const { platform, folder, freeBytesMin, name } = this.#context
    const nowMs = platform.clock.monotonicMs()
    if (nowMs - this.#askedMs >= SPOOL_SPACE_CHECK_MS || this.#freeBytes - bytes < freeBytesMin) {
      try {
        this.#freeBytes = await platform.disk.freeBytes(folder)
      } catch (error) {
        // Then the write says whether there is room.
        this.#warning.warn({ destination: name, reason: reasonOf(error) }, 'cannot ask for the free space of the spool')
        return true
      }
      this.#askedMs = nowMs
    }
    return this.#freeBytes - bytes >= freeBytesMin
  }
}
