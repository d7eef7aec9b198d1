// How far each incoming stream is stored in a spool. A mark lives as long as its stream may come again: 90 days of silence,
// 7 days after its end. Every segment's head repeats all of them, so their number is bounded as well.

import { MARK_KEPT_DAYS, RETIRED_MARK_KEPT_DAYS, SPOOL_MARKS_MAX } from '../limits.ts'
import type { Batch } from '../pipeline/batch.ts'
import { freshMessages } from '../pipeline/stream-marks.ts'

export interface LiveMark {
  readonly position: number
  /** When that was last said, days since the epoch. */
  readonly day: number
  /** The stream is over. */
  readonly retired: boolean
}

/** What a record says of a stream: it is stored up to here, it is over. */
export const ADVANCE = 0
export const RETIRE = 1

export interface MarkChange {
  readonly id: string
  readonly kind: number
  /** Without meaning for `RETIRE`. */
  readonly position: number
  /** When that was said, days since the epoch. */
  readonly day: number
}

const DAY_US = 86_400_000_000

/** Days since the epoch. */
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

  /** Takes over what a head says, in place of everything known. */
  replace(marks: ReadonlyMap<string, LiveMark>): void {
    this.#marks = new Map(marks)
  }

  apply({ id, kind, position, day }: MarkChange): void {
    const known = this.#marks.get(id)
    if (kind === RETIRE) {
      if (known) this.#marks.set(id, { position: known.position, day, retired: true })
      return
    }
    // Set anew, so that the map's order is that of the last change.
    this.#marks.delete(id)
    this.#marks.set(id, { position: Math.max(position, known?.position ?? 0), day, retired: false })
  }

  /** Whether there are more than the bound: `expire` makes room. */
  get areTooMany(): boolean {
    return this.#marks.size > SPOOL_MARKS_MAX
  }

  /**
   * Forgets what is over and what was silent for too long; where there are too many, the longest silent as well, a quarter
   * of the bound at once. Returns how many of those.
   */
  expire(today: number): number {
    for (const [id, { day, retired }] of this.#marks) {
      if (day < today - (retired ? RETIRED_MARK_KEPT_DAYS : MARK_KEPT_DAYS)) this.#marks.delete(id)
    }
    const over = this.areTooMany ? this.#marks.size - (3 * SPOOL_MARKS_MAX) / 4 : 0
    for (const id of [...this.#marks.keys()].slice(0, over)) this.#marks.delete(id)
    return over
  }

  /** 1 for each message that is not stored yet, 0 for the others; undefined where all are new. */
  fresh(batch: Batch): Uint8Array | undefined {
    return freshMessages(batch, (id) => this.positionOf(id))
  }
}
