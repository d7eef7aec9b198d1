// Parts whose name is a future day, because the clock was ahead when they were created. Days never go back, so once the clock
// is corrected, new messages still go into that part until its day has come. If the clock was at 2099, that would be for ever,
// and none of them would expire. So a new part of the same day is begun daily, and such a part expires as if it were of the
// day on which it was last written to (`retention.ts`).
//
//   2099-01-01.db     received while the clock was wrong, and on the day on which it was corrected
//   2099-01-01.2.db   received on the next day …

import { dayOf, isAhead, type PartName } from './schema.ts'

/** Logs a warning. */
export type Report = (text: string, values: object) => void

export class FutureParts {
  readonly #report: Report
  /** The day, by the clock, on which the newest part was begun; after the clock was set back, the day it was set back to. */
  #begunOn: string | undefined

  constructor(report: Report) {
    this.#report = report
  }

  /** To be called when a part is begun on `day`. */
  begin(day: string): void {
    this.#begunOn = day
  }

  /**
   * Whether a next part is to be begun: the newest one is of a day that begins over a day after `received` (µs since the epoch),
   * and was begun on an earlier day than that of `received`.
   */
  isOver(newest: PartName, received: number): boolean {
    if (!isAhead(newest, received)) return false
    const day = dayOf(received)
    if (this.#begunOn !== undefined && day >= this.#begunOn) return day > this.#begunOn
    const text =
      'the newest part of the archive is of a day to come, the clock was ahead: what is received goes on in it'
    this.#report(text, { part: newest })
    this.#begunOn = day
    return false
  }
}
