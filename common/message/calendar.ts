// Days and seconds since the epoch from what a clock on the wall shows.

import type { Zone } from './zone.ts'

export const DAY_S = 86_400

/** Days since 1970-01-01 in the proleptic Gregorian calendar. `month` is 1 to 12; the day is not checked. */
export function daysFromCivil(year: number, month: number, day: number): number {
  // Years begin in March here, so that the leap day is the last of its year.
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

/** The year of a day since the epoch. */
export function yearOfDay(days: number): number {
  return new Date(days * DAY_S * 1000).getUTCFullYear()
}

const monthLengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** Whether there is such a day. */
export function isDay(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false
  if (month === 2 && day === 29) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return day <= monthLengths[month - 1]
}

/** No year near enough makes this a day: the 29th of February far from a leap year. */
const NO_SUCH_DAY = NaN

// A sender's clock may run ahead, and the first of January comes in on the last of December where it does. A message
// further ahead than this is an old one: from a queue, a reboot, a replay.
const AHEAD_DAYS_MAX = 31

/**
 * Days since the epoch of a day without a year, received on `receivedDay`: the latest that is at most a month ahead of it;
 * NaN where there is none within two years.
 */
export function dayWithoutYear(month: number, day: number, receivedDay: number): number {
  const year = yearOfDay(receivedDay)
  for (let y = year + 1; y >= year - 1; y -= 1) {
    if (!isDay(y, month, day)) continue
    const days = daysFromCivil(y, month, day)
    if (days <= receivedDay + AHEAD_DAYS_MAX) return days
  }
  return NO_SUCH_DAY
}

const DAY_US = DAY_S * 1e6

/**
 * Minutes east of UTC in which `wallSeconds` (as if UTC) is to be read, the first time and the last time that clocks of the
 * zone show it: two where an hour comes twice. One that a zone skips is read with the offset before the jump.
 */
function wallOffsets(zone: Zone, wallSeconds: number): [first: number, last: number] {
  const wall = wallSeconds * 1e6
  const isShown = (offset: number) => zone.offsetAt(wall - offset * 60e6) === offset
  // A day on both sides sees both offsets around any jump, however far from UTC the zone is: New Zealand's summer is 13 hours.
  const before = zone.offsetAt(wall - DAY_US)
  const after = zone.offsetAt(wall + DAY_US)
  const isBefore = isShown(before)
  const isAfter = isShown(after)
  return [isBefore || !isAfter ? before : after, isAfter ? after : before]
}

const QUARTER_HOUR_S = 900

/** The same, remembered for the last quarter hour: offsets change at quarter hours at most. */
export class WallOffsets {
  #zone: Zone | undefined
  #quarter = NaN
  #first = 0
  #last = 0
  /** When the next times were received, µs since the epoch: in an hour that comes twice the one is taken that is nearer to it. */
  received = NaN

  at(zone: Zone, wall: number): number {
    const quarter = Math.floor(wall / QUARTER_HOUR_S)
    if (zone !== this.#zone || quarter !== this.#quarter) {
      this.#zone = zone
      this.#quarter = quarter
      ;[this.#first, this.#last] = wallOffsets(zone, wall)
    }
    if (this.#first === this.#last) return this.#first
    const middle = (wall - (this.#first + this.#last) * 30) * 1e6
    return this.received > middle ? this.#last : this.#first
  }
}
