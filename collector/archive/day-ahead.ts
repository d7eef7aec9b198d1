// A part that was named by a clock that was ahead. Days never go back: once the clock is set right, what is received goes on in that
// part. It would take in all until its day has come, for ever where the clock was at 2099, and nothing of it would expire. So it is
// followed by its next part every day, and a part ends, as far as expiry goes, on the day on which it was last written to.
//
//   2099-01-01.db     received with the wrong clock, and on the day on which it was set right
//   2099-01-01.2.db   the next day …

import { dayOf, isAhead, type PartName } from './schema.ts'

export class DayAhead {
  readonly #say: (text: string, values: object) => void
  /** The day on which the newest part was begun, or to which the clock was set back since. */
  #begunOn: string | undefined

  constructor(say: (text: string, values: object) => void) {
    this.#say = say
  }

  /** A part was begun. */
  begin(day: string): void {
    this.#begunOn = day
  }

  /** Whether the newest part is of a day that is far from having come, and has the messages of a whole day. */
  isOver(newest: PartName, received: number): boolean {
    if (!isAhead(newest, received)) return false
    const day = dayOf(received)
    if (this.#begunOn !== undefined && day >= this.#begunOn) return day > this.#begunOn
    const text =
      'the newest part of the archive is of a day to come, the clock was ahead: what is received goes on in it'
    this.#say(text, { part: newest })
    this.#begunOn = day
    return false
  }
}
