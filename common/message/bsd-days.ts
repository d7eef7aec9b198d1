// Dates without a year, `Oct 11`: the day that is nearest to when they were received.

import { DAY_S, dayWithoutYear } from './calendar.ts'

const MINUTE_S = 60

export class BsdDays {
  // The day of receipt at the sender, for the last receipt and offset.
  #received = NaN
  #offset = 0
  #near = NaN
  // The last date, and its day.
  #month = 0
  #day = 0
  #dateNear = NaN
  #result = 0

  /**
   * Days since the epoch. `received` is in µs since the epoch, `offset` in minutes east of UTC at the sender: near midnight
   * its day is another than the day in UTC, and near New Year another year's.
   */
  dayOf(month: number, day: number, received: number, offset: number): number {
    if (received !== this.#received || offset !== this.#offset) {
      this.#received = received
      this.#offset = offset
      this.#near = Math.floor((received / 1e6 + offset * MINUTE_S) / DAY_S)
    }
    if (month !== this.#month || day !== this.#day || this.#near !== this.#dateNear) {
      this.#month = month
      this.#day = day
      this.#dateNear = this.#near
      this.#result = dayWithoutYear(month, day, this.#near)
    }
    return this.#result
  }
}
