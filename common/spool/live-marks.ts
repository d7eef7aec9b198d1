// How far each incoming stream is stored in a spool. A mark is kept as long as its stream may be sent again: until 90 days of
// silence, or 7 days after the stream ended. The head of every segment repeats all marks, so their number is bounded as well.

import { MARK_KEPT_DAYS, RETIRED_MARK_KEPT_DAYS, SPOOL_MARKS_MAX } from '../limits.ts'
import type { Batch } from '../pipeline/batch.ts'
import { freshMessages } from '../pipeline/stream-marks.ts'

export interface LiveMark {
  readonly position: number
  /** When the mark last changed, days since the epoch. */
  readonly day: number
  /** The stream has ended. */
  readonly retired: boolean
}

/** Kinds of `MarkChange`: the stream is stored up to a position, or it has ended. */
export const ADVANCE = 0
export const RETIRE = 1

export interface MarkChange {
  readonly id: string
  readonly kind: number
  /** Ignored for `RETIRE`. */
  readonly position: number
  /** Days since the epoch. */
  readonly day: number
}

const DAY_US = 86_400_000_000

/** Converts µs since the epoch to days since the epoch. */
export function dayOf(time: number): number {
  return Math.floor(time / DAY_US)
}

export class LiveMarks {
  #marks = new Map<string, LiveMark>()

  get all(): ReadonlyMap<string, LiveMark> {
    return this.#marks
  }

  positionOf(id: string): number | undefined {
    return this.#marks.get(id)?.position
  }

  /** Replaces all marks by those of a head. */
  replace(marks: ReadonlyMap<string, LiveMark>): void {
    this.#marks = new Map(marks)
  }

  apply({ id, kind, position, day }: MarkChange): void {
    const known = this.#marks.get(id)
    if (kind === RETIRE) {
      if (known) this.#marks.set(id, { position: known.position, day, retired: true })
      return
    }
    // Deleted first, so that the map is in the order of the last change.
    this.#marks.delete(id)
    this.#marks.set(id, { position: Math.max(position, known?.position ?? 0), day, retired: false })
  }

  /** Whether there are more than `SPOOL_MARKS_MAX`; `expire` then makes room. */
  get areTooMany(): boolean {
    return this.#marks.size > SPOOL_MARKS_MAX
  }

  /**
   * Forgets marks whose time is over. If there are still too many, also forgets those of the streams that have been silent longest, down
   * to three quarters of the bound. Returns the number of these.
   */
  expire(today: number): number {
    for (const [id, { day, retired }] of this.#marks) {
      if (day < today - (retired ? RETIRED_MARK_KEPT_DAYS : MARK_KEPT_DAYS)) this.#marks.delete(id)
    }
    const over = this.areTooMany ? this.#marks.size - (3 * SPOOL_MARKS_MAX) / 4 : 0
    for (const id of [...this.#marks.keys()].slice(0, over)) this.#marks.delete(id)
    return over
  }

  /** 1 for each message that is not stored yet, 0 for each repeat; undefined if all are new. */
  fresh(batch: Batch): Uint8Array | undefined {
    return freshMessages(batch, (id) => this.positionOf(id))
  }
}
