// Converts dates and wall-clock times to days and seconds since the epoch.

import type { Zone } from './zone.ts'

export const DAY_S = 86_400

/** Days since 1970-01-01 in the proleptic Gregorian calendar. `month` is 1 to 12; the day is not checked. */
export function daysFromCivil(year: number, month: number, day: number): number {
  // The year begins in March here, so that the leap day is its last day.
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

/** The year of a day, which is given in days since the epoch. */
export function yearOfDay(days: number): number {
  return new Date(days * DAY_S * 1000).getUTCFullYear()
}

const monthLengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** Whether this date exists. */
export function isDay(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false
  if (month === 2 && day === 29) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return day <= monthLengths[month - 1]
}

/** The date exists in no nearby year: February 29th far from a leap year. */
const NO_SUCH_DAY = NaN

// A sender's clock may run ahead, so that a message dated January 1st arrives on December 31st. A date further ahead
// than this belongs to an old message: from a queue, a reboot, a replay.
const AHEAD_DAYS_MAX = 31

/**
 * Resolves a date without a year that was received on `receivedDay` (days since the epoch): the latest such day that
 * is at most 31 days ahead of it, in days since the epoch. NaN if the date exists neither in that year nor in the
 * year before or after.
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
 * The offsets, in minutes east of UTC, at which clocks of the zone show `wallSeconds` (seconds since the epoch as if
 * it were UTC) for the first and for the last time. They differ for an hour that occurs twice. A time that the zone
 * skips gets the offset before the jump.
 */
function wallOffsets(zone: Zone, wallSeconds: number): [first: number, last: number] {
  const wall = wallSeconds * 1e6
  const isShown = (offset: number) => zone.offsetAt(wall - offset * 60e6) === offset
  // One day before and after covers both offsets around any jump, however far from UTC the zone is: New Zealand's
  // summer time is 13 hours.
  const before = zone.offsetAt(wall - DAY_US)
  const after = zone.offsetAt(wall + DAY_US)
  const isBefore = isShown(before)
  const isAfter = isShown(after)
  return [isBefore || !isAfter ? before : after, isAfter ? after : before]
}

const QUARTER_HOUR_S = 900

/** Caches `wallOffsets` for the last quarter hour: offsets change only at quarter hours. */
export class WallOffsets {
  #zone: Zone | undefined
  #quarter = NaN
  #first = 0
  #last = 0
  /**
   * When the next times were received, µs since the epoch. It decides between the two instants of an hour that occurs
   * twice: the nearer one is taken.
   */
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
