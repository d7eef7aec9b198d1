// How far each stream is committed, in memory. Every part repeats all marks, so there are at most as many as fit half of a part.

import { ARCHIVE_MARK_BYTES, STREAM_MARKS_MAX } from '../../common/limits.ts'
import { FORGETS_STREAMS, forgetSurplus } from '../../common/pipeline/stream-marks.ts'
import type { Report } from './future-parts.ts'
import type { Mark } from './part-writer.ts'

export class KeptMarks {
  /** How many are kept. */
  readonly max: number
  readonly #marks = new Map<string, Mark>()
  readonly #report: Report

  constructor(partBytesMax: number, report: Report) {
    this.max = Math.min(STREAM_MARKS_MAX, Math.floor(partBytesMax / 2 / ARCHIVE_MARK_BYTES))
    this.#report = report
  }

  get(stream: string): Mark | undefined {
    return this.#marks.get(stream)
  }

  /** Takes over new marks. */
  move(moved: ReadonlyMap<string, Mark>): void {
    for (const [stream, mark] of moved) this.#marks.set(stream, mark)
    const streams = forgetSurplus(this.#marks, this.max)
    if (streams > 0) this.#report(FORGETS_STREAMS, { streams })
  }

  /**
   * All marks that have not expired at `now`, and `moved`: the first commit of a new part stores them. `now` is never after the end of the
   * previous part's day, so that a clock that jumps far ahead does not expire any.
   */
  live(moved: ReadonlyMap<string, Mark>, now: number): Map<string, Mark> {
    for (const [stream, { until }] of this.#marks) if (until < now) this.#marks.delete(stream)
    return new Map([...this.#marks, ...moved])
  }
}
