// Resolves dates without a year, such as `Oct 11`, relative to their time of receipt (`dayWithoutYear`), and caches the last result.

import { DAY_S, dayWithoutYear } from './calendar.ts'

const MINUTE_S = 60

export class BsdDays {
  // Cache: the day of receipt at the sender, for the last time of receipt and offset.
  #received = NaN
  #offset = 0
  #near = NaN
  // Cache: the last date, and its day since the epoch.
  #month = 0
  #day = 0
  #dateNear = NaN
  #result = 0

  /**
   * Returns days since the epoch. `received` is in µs since the epoch, `offset` is the sender's, in minutes east of
   * UTC: near midnight the sender's day differs from the day in UTC, and near New Year so does the year.
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
