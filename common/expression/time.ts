// Parses points in time as users write them: the formats of journalctl's --since and --until (systemd.time), ISO 8601, and
// plain durations.
//
//   now  today  yesterday  tomorrow           days begin at midnight in the zone of the user
//   -15m  +1h  1d12h  "2 hours ago"  -5       relative to now; a duration without a sign is in the past; -5 is 5 seconds
//   2026-11-20  2026-11-20 10:00  10:00:05.5  without a date: today; without a time: midnight
//   Nov 20 10:00:05                           as `-O short` prints it: the last such day
//   2026-11-20T10:00:00Z  …+01:00  … UTC      with a zone
//   today UTC   10:00 UTC                     relative to the current day in UTC
//   @1763632800.5                             seconds since the epoch

import { monthNames, weekdayNames } from '../message/time-words.ts'
import { utc, type Zone } from '../message/zone.ts'

/** A point in time that may depend on the current time and the zone of the user. */
export type TimeSpec =
  /** µs before now; negative: after now. */
  | { readonly kind: 'ago'; readonly us: number }
  /** Midnight of a day relative to today, in the zone of the user or in UTC. */
  | { readonly kind: 'day'; readonly days: number; readonly inUtc?: boolean }
  /** A point in time, µs since the epoch. */
  | { readonly kind: 'instant'; readonly us: number }
  /** Local time of the user, or UTC. `day`: days since the epoch, by default today. `us`: since midnight. */
  | { readonly kind: 'local'; readonly day?: number; readonly us: number; readonly inUtc?: boolean }
  /** The same on a day without a year (`month`: 1 to 12): the last such day, which may be tomorrow. */
  | {
      readonly kind: 'yearless'
      readonly month: number
      readonly date: number
      readonly us: number
      readonly inUtc?: boolean
    }

const SECOND_US = 1_000_000
const MINUTE_US = 60 * SECOND_US
const HOUR_US = 60 * MINUTE_US
const DAY_US = 24 * HOUR_US
const DAY_MS = DAY_US / 1000
const LEAP_YEAR = 2000

// systemd.time: `m` is minutes and `M` months of 30.44 days; a year has 365.25 days.
const units: readonly (readonly [us: number, names: readonly string[]])[] = [
  [1, ['us', 'usec', 'µs', 'μs']],
  [1000, ['ms', 'msec']],
  [SECOND_US, ['s', 'sec', 'second', 'seconds']],
  [MINUTE_US, ['m', 'min', 'minute', 'minutes']],
  [HOUR_US, ['h', 'hr', 'hour', 'hours']],
  [DAY_US, ['d', 'day', 'days']],
  [7 * DAY_US, ['w', 'week', 'weeks']],
  [30.44 * DAY_US, ['M', 'month', 'months']],
  [365.25 * DAY_US, ['y', 'year', 'years']],
]
const unitUs = new Map(units.flatMap(([us, names]) => names.map((name) => [name, us] as const)))

const DURATION = /^(?:\d+(?:\.\d+)?\s*[a-zA-Zµμ]+\s*)+$/
const DURATION_STEP = /(\d+(?:\.\d+)?)\s*([a-zA-Zµμ]+)/g
const WEEKDAY = String.raw`(?:(?<weekday>${weekdayNames.join('|')})(?:day|sday|nesday|rsday|urday)?,?\s+)`
const NUMBERS = String.raw`(?<year>\d{2}|\d{4})-(?<month>\d{1,2})-(?<date>\d{1,2})`
const NAMED = String.raw`(?<monthName>${monthNames.join('|')})\s+(?<dateOfName>\d{1,2})`
const CLOCK = String.raw`(?<hour>\d{1,2}):(?<minute>\d{1,2})(?::(?<second>\d{1,2})(?:[.,](?<fraction>\d{1,9}))?)?`
const ZONE = String.raw`(?<zone>Z|UTC|[+-]\d{2}(?::?\d{2})?)`
const CALENDAR = new RegExp(
  String.raw`^(?:${WEEKDAY}?(?:${NUMBERS}|${NAMED}))?(?:(?:^|[T\s]\s*)${CLOCK})?\s*${ZONE}?$`,
  'i',
)

/** Parses a duration, such as `90s`, `1d12h`, `1.5h`, `2 hours`, to µs; undefined if it is not one. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined
  let total = 0
  for (const [, amount, unit] of text.matchAll(DURATION_STEP)) {
    const us = unitUs.get(unit) ?? unitUs.get(unit.toLowerCase())
    if (us === undefined) return undefined
    total += Number(amount) * us
  }
  return Math.round(total)
}

/** Parses a point in time; undefined if the text is not one. */
export function parseTime(text: string): TimeSpec | undefined {
  const trimmed = text.trim()
  return namedDay(trimmed.toLowerCase()) ?? relativeTime(trimmed) ?? epochTime(trimmed) ?? calendarTime(trimmed)
}

/** The point in time in µs since the epoch, like `now`. */
export function resolveTime(time: TimeSpec, now: number, readerZone: Zone): number {
  const zone = 'inUtc' in time && time.inUtc ? utc : readerZone
  switch (time.kind) {
    case 'ago':
      return now - time.us
    case 'day':
      return fromLocal((localDay(now, zone) + time.days) * DAY_US, zone)
    case 'instant':
      return time.us
    case 'local':
      return fromLocal((time.day ?? localDay(now, zone)) * DAY_US + time.us, zone)
    case 'yearless':
      return fromLocal(lastDay(time.month, time.date, localDay(now, zone)) * DAY_US + time.us, zone)
  }
}

function namedDay(word: string): TimeSpec | undefined {
  if (word === 'now') return { kind: 'ago', us: 0 }
  const days = { yesterday: -1, today: 0, tomorrow: 1 }
  const [, name, zone] = /^(\w+)(\s+utc)?$/.exec(word) ?? []
  if (name === undefined || !Object.hasOwn(days, name)) return undefined
  return { kind: 'day', days: days[name as keyof typeof days], ...(zone !== undefined && { inUtc: true }) }
}

function relativeTime(text: string): TimeSpec | undefined {
  const [, sign, amount, suffix] = /^([+-]?)\s*(.*?)(?:\s+(ago|left))?$/is.exec(text)!
  if (sign !== '' && suffix !== undefined) return undefined
  // As in journalctl, a number without a unit is seconds; without a sign too it may be anything.
  const isMarked = sign !== '' || suffix !== undefined
  const us = parseDuration(isMarked ? amount.replace(/(?<=^|\s)\d+(?:\.\d+)?$/, '$&s') : amount)
  if (us === undefined) return undefined
  return { kind: 'ago', us: sign === '+' || suffix?.toLowerCase() === 'left' ? -us : us }
}

function epochTime(text: string): TimeSpec | undefined {
  if (!/^@-?\d+(\.\d+)?$/.test(text)) return undefined
  return { kind: 'instant', us: Math.round(Number(text.slice(1)) * SECOND_US) }
}

function calendarTime(text: string): TimeSpec | undefined {
  const parts = CALENDAR.exec(text)?.groups
  if (!parts) return undefined
  const { year, hour, minute, second = '0', fraction = '', zone, monthName } = parts
  if (year === undefined && monthName === undefined && hour === undefined) return undefined
  const us = hour === undefined ? 0 : clockUs(Number(hour), Number(minute), Number(second), fraction)
  const day = year === undefined ? undefined : dayOf(parts)
  if (Number.isNaN(day) || us === undefined) return undefined
  if (day !== undefined && zone !== undefined) return { kind: 'instant', us: day * DAY_US + us - offsetUs(zone) }
  // Without a year, the only zone accepted is UTC, as in journalctl.
  if (zone !== undefined && zone.toUpperCase() !== 'UTC') return undefined
  const inUtc = zone !== undefined && { inUtc: true }
  if (monthName === undefined) return { kind: 'local', ...(day !== undefined && { day }), us, ...inUtc }
  const month = monthNames.findIndex((name) => isSameWord(name, monthName)) + 1
  const date = Number(parts['dateOfName'])
  const exists = !Number.isNaN(dayNumber(LEAP_YEAR, month, date))
  return exists ? { kind: 'yearless', month, date, us, ...inUtc } : undefined
}

const isSameWord = (one: string, other: string) => one.toLowerCase() === other.toLowerCase()

/** Days since the epoch; NaN if there is no such date, or it is on another day of the week. */
function dayOf({ year, month, date, weekday }: Record<string, string>): number {
  // As in strptime(3), 69 to 99 are in the last century.
  const century = year.length === 4 ? 0 : Number(year) < 69 ? 2000 : 1900
  const day = dayNumber(century + Number(year), Number(month), Number(date))
  const isRight = weekday === undefined || isSameWord(weekdayNames[(((day + 4) % 7) + 7) % 7], weekday)
  return isRight ? day : NaN
}

/** The last such day that is not later than the day after `today`, in days since the epoch. */
function lastDay(month: number, date: number, today: number): number {
  for (let year = new Date((today + 1) * DAY_MS).getUTCFullYear(); ; year -= 1) {
    const day = dayNumber(year, month, date)
    if (day <= today + 1) return day
  }
}

/** Days since the epoch; NaN if there is no such date. */
function dayNumber(year: number, month: number, date: number): number {
  const day = new Date(Date.UTC(year, month - 1, date))
  if (day.getUTCMonth() !== month - 1 || day.getUTCDate() !== date) return NaN
  return day.getTime() / DAY_MS
}

function clockUs(hour: number, minute: number, second: number, fraction: string): number | undefined {
  // 60 is a leap second, 24:00 the end of the day.
  const end = hour === 24 && minute === 0 && second === 0
  if ((hour > 23 && !end) || minute > 59 || second > 60) return undefined
  return (
    hour * HOUR_US + minute * MINUTE_US + second * SECOND_US + Math.floor(Number(fraction.padEnd(6, '0').slice(0, 6)))
  )
}

function offsetUs(zone: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone) ?? []
  if (sign === undefined) return 0
  return (sign === '-' ? -1 : 1) * (Number(hours) * HOUR_US + Number(minutes ?? 0) * MINUTE_US)
}

function localDay(time: number, zone: Zone): number {
  return Math.floor((time + zone.offsetAt(time) * MINUTE_US) / DAY_US)
}

/**
 * The time, in µs since the epoch, at which clocks of the zone show `local`. At a change of the clocks: the first of two such times;
 * a local time that does not exist is moved forward.
 */
function fromLocal(local: number, zone: Zone): number {
  const before = local - zone.offsetAt(local - DAY_US) * MINUTE_US
  if (before + zone.offsetAt(before) * MINUTE_US === local) return before
  const after = local - zone.offsetAt(local + DAY_US) * MINUTE_US
  return after + zone.offsetAt(after) * MINUTE_US === local ? after : before
}
