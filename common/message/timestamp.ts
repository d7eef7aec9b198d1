// Parses times as senders write them, at a given position of a message.
//
//   2003-10-11T22:14:15.003Z        RFC 5424 §6.2.3; also lower case, a space for the T, `,` for the point, no zone
//   Oct 11 22:14:15                 RFC 3164 §4.1.2; day or hour of one digit, any case, a fraction
//   Oct 11 2003 22:14:15            PIX, ASA          Oct 11 22:14:15 2003      Linksys
//   2003 Oct 11 22:14:15            year first        Sat Oct 11 22:14:15 2003  ctime
//   11 Oct 2003 22:14:15            day first         1065910455.003            seconds since the epoch (Meraki)
//   Oct 11 22:14:15:003 2003        H3C with milliseconds
//   Oct 11 2003 10:14:15 PM.003     twelve hours (Cisco's call managers)
//
// followed by a zone (`zone-text.ts`), unless the format has one already.
//
// The text of the last time is remembered up to the second: consecutive messages often share it, and comparing four
// or five words costs a tenth of parsing it. Then only what follows the second is parsed.

import { BsdDays } from './bsd-days.ts'
import { digitsAt, isDigit, numberAt, twoDigitsAt, UNKNOWN } from './digits.ts'
import { BSD_BYTES, endsWithSecond, LastBsdTime } from './last-bsd-time.ts'
import { LastText } from './last-text.ts'
import { afterHalfDay } from './tag-ahead.ts'
import { lettersAt, months, weekdays } from './time-words.ts'
import { DAY_S, daysFromCivil, isDay, WallOffsets } from './calendar.ts'
import { afterDaylight, beginsOffset, readOffset, readZoneWord, zoneText } from './zone-text.ts'
import { utc, type Zone } from './zone.ts'

const SPACE = 0x20
const COLON = 0x3a
const DASH = 0x2d
const DOT = 0x2e
const COMMA = 0x2c
const LOWER = 0x20
const CAPITAL_P = 0x50

const ISO_BYTES = 19
const HOUR_S = 3600
const EPOCH_FIRST_S = 1_000_000_000
const EPOCH_LAST_S = 4_102_444_800

const isLetter = (byte: number) => (byte | LOWER) >= 0x61 && (byte | LOWER) <= 0x7a

/** Parses one time at a position. The result is in the public fields until the next call. One reader serves a thread. */
export class TimestampReader {
  /** Where the time ends, including its zone. */
  end = 0
  /** Microseconds since the epoch; NaN if it has the form of a time but does not exist (25 o'clock, February 30th). */
  time = NaN
  /** The offset that it was written with or resolved with, in minutes east of UTC. */
  zone = 0
  /** Whether it is a count of seconds, which could be any number. */
  isEpoch = false

  #bytes: Uint8Array = new Uint8Array(0)
  #view: DataView = new DataView(new ArrayBuffer(0))
  #received = NaN
  #zone: Zone = utc
  #limit = 0
  #at = 0
  #wallSeconds = NaN
  #microseconds = 0
  #offset = UNKNOWN
  #hasOffset = false

  // Cache: the last `2003-10-11T22:14:15`, and its result.
  readonly #lastIso = new LastText(ISO_BYTES)
  #isoSeconds = NaN
  #monthName = UNKNOWN
  #monthNumber = UNKNOWN
  readonly #bsdDays = new BsdDays()
  readonly #wallOffsets = new WallOffsets()
  readonly #lastBsd = new LastBsdTime()

  /** Sets the memory that the next calls parse, as bytes and as a view. */
  over(bytes: Uint8Array, view: DataView): void {
    this.#bytes = bytes
    this.#view = view
  }

  /**
   * Sets what the next times may leave out: `received`, µs since the epoch, gives the year, and `zone` the offset.
   * Called once for all messages of a sender: as a parameter of each call the number was allocated on the heap for
   * each message, and that was most of the work of the garbage collector.
   */
  expect(received: number, zone: Zone): void {
    if (received === this.#received && zone === this.#zone) return
    this.#received = this.#wallOffsets.received = received
    this.#zone = zone
    this.#lastBsd.forget()
  }

  /** Parses a time at `at`; returns true if there is text in the form of a time. */
  read(at: number, limit: number): boolean {
    const last = this.#lastBsd
    const isPlain = endsWithSecond(this.#bytes, at, limit)
    if (isPlain && last.is(this.#view, at)) {
      this.end = at + BSD_BYTES
      this.time = last.time
      this.zone = last.offset
      this.isEpoch = false
      return true
    }
    this.#begin(at, limit)
    // The shortest form is a bare count of seconds.
    if (limit - at < 10) return false
    const first = this.#bytes[at]
    const found = isDigit(first) ? this.#readDigits() : isLetter(first) && (this.#bsd() || this.#weekday())
    if (!found) return false
    this.#finish()
    if (isPlain && this.end === at + BSD_BYTES) last.keep(this.#view, at, this.time, this.zone)
    return true
  }

  /** Parses only the form of RFC 5424, as allowed in the TIMESTAMP field, where a fraction has digits. */
  readIso(at: number, limit: number): boolean {
    this.#begin(at, limit)
    const point = at + ISO_BYTES
    if (point > limit || !this.#isoAt()) return false
    if (point < limit && this.#bytes[point] === DOT && !isDigit(this.#bytes[point + 1])) return false
    this.#finish()
    return true
  }

  #begin(at: number, limit: number): void {
    this.#limit = limit
    this.#at = at
    this.#microseconds = 0
    this.#hasOffset = false
    this.isEpoch = false
  }

  #finish(): void {
    this.end = this.#at
    const wall = this.#wallSeconds
    if (Number.isNaN(wall)) {
      this.time = NaN
      return
    }
    const offset = this.#hasOffset ? this.#offset : this.#wallOffsets.at(this.#zone, wall)
    this.zone = offset
    this.time = (wall - offset * 60) * 1e6 + this.#microseconds
  }

  #readDigits(): boolean {
    const at = this.#at
    const bytes = this.#bytes
    if (bytes[at + 4] === DASH) {
      if (!this.#isoAt()) return false
      if (this.#hasOffset) this.#at = afterDaylight(this.#bytes, this.#at, this.#limit)
      else this.#namedZone()
      return true
    }
    if (bytes[at + 4] === SPACE && isLetter(bytes[at + 5])) return this.#yearFirst()
    if (bytes[at + 2] === SPACE && isLetter(bytes[at + 3])) return this.#dayFirst(2)
    if (bytes[at + 1] === SPACE && isLetter(bytes[at + 2])) return this.#dayFirst(1)
    return this.#epoch()
  }

  // YYYY-MM-DD(T| )HH:MM:SS[(.|,)fraction][Z|±HH[:]MM]
  #isoAt(): boolean {
    const bytes = this.#bytes
    const at = this.#at
    if (this.#limit - at < ISO_BYTES || bytes[at + 4] !== DASH || bytes[at + 7] !== DASH) return false
    if (this.#lastIso.is(this.#view, at)) {
      this.#wallSeconds = this.#isoSeconds
      this.#at = at + ISO_BYTES
    } else if (!this.#isoSecond(at)) return false
    if (!this.#endsNumber()) return false
    this.#fraction()
    this.#isoZone()
    return true
  }

  #isoSecond(at: number): boolean {
    const year = numberAt(this.#bytes, this.#limit, at, 4)
    const month = twoDigitsAt(this.#bytes, at + 5)
    const day = twoDigitsAt(this.#bytes, at + 8)
    const separator = this.#bytes[at + 10]
    if (year < 0 || month < 0 || day < 0) return false
    if ((separator | LOWER) !== 0x74 && separator !== SPACE) return false
    if (!this.#clock(at + 11)) return false
    this.#wallSeconds += isDay(year, month, day) ? daysFromCivil(year, month, day) * DAY_S : NaN
    this.#lastIso.keep(this.#view, at)
    this.#isoSeconds = this.#wallSeconds
    return true
  }

  // HH:MM:SS at `at`: sets #wallSeconds to the seconds of the day (NaN if out of range) and #at to the position after it.
  #clock(at: number): boolean {
    const bytes = this.#bytes
    if (this.#limit - at < 8 || bytes[at + 2] !== COLON || bytes[at + 5] !== COLON) return false
    return this.#clockOf(twoDigitsAt(bytes, at), at + 3)
  }

  // The same with an hour of one or two digits, as allowed after a month.
  #bsdClock(at: number): boolean {
    if (this.#clock(at)) return this.#endsNumber()
    if (this.#limit - at < 7 || this.#bytes[at + 1] !== COLON || this.#bytes[at + 4] !== COLON) return false
    return this.#clockOf(numberAt(this.#bytes, this.#limit, at, 1), at + 2) && this.#endsNumber()
  }

  /** Whether no further digit follows the seconds. */
  #endsNumber(): boolean {
    return this.#at >= this.#limit || !isDigit(this.#bytes[this.#at])
  }

  #clockOf(hour: number, at: number): boolean {
    const minute = twoDigitsAt(this.#bytes, at)
    const second = twoDigitsAt(this.#bytes, at + 3)
    if (hour < 0 || minute < 0 || second < 0) return false
    this.#at = at + 5
    // A leap second is read as the second after it, as in POSIX time.
    this.#wallSeconds = hour > 23 || minute > 59 || second > 60 ? NaN : hour * HOUR_S + minute * 60 + second
    return true
  }

  #fraction(): void {
    const bytes = this.#bytes
    let at = this.#at
    if (at + 1 >= this.#limit || (bytes[at] !== DOT && bytes[at] !== COMMA)) return
    // `22:14:15.Z`: a fraction without digits, which rsyslog accepts too.
    if (bytes[at] === DOT && (bytes[at + 1] === SPACE || beginsOffset(bytes[at + 1]))) this.#at = at + 1
    if (!isDigit(bytes[at + 1])) return
    let value = 0
    let digits = 0
    for (at += 1; at < this.#limit && isDigit(bytes[at]); at += 1, digits += 1) {
      if (digits < 6) value = value * 10 + bytes[at] - 0x30
    }
    for (; digits < 6; digits += 1) value *= 10
    this.#microseconds = value
    this.#at = at
  }

  /** ` AM` or ` PM`, and a fraction after it. */
  #halfDay(): void {
    const end = afterHalfDay(this.#bytes, this.#at, this.#limit)
    if (end === this.#at) return
    const isAfternoon = this.#bytes[this.#at + 1] === CAPITAL_P
    const hour = Math.floor(this.#wallSeconds / HOUR_S)
    if (isAfternoon && hour < 12) this.#wallSeconds += 12 * HOUR_S
    else if (!isAfternoon && hour === 12) this.#wallSeconds -= 12 * HOUR_S
    this.#at = end
    this.#fraction()
  }

  /** `:123 2026 `: milliseconds as H3C writes them. Accepted only if the year follows. */
  #colonMilliseconds(): void {
    const bytes = this.#bytes
    const at = this.#at
    if (at + 10 > this.#limit || bytes[at] !== COLON || bytes[at + 4] !== SPACE || bytes[at + 9] !== SPACE) return
    const milliseconds = numberAt(bytes, this.#limit, at + 1, 3)
    if (milliseconds < 0 || digitsAt(bytes, this.#limit, at + 5, 4) < 4) return
    this.#microseconds = milliseconds * 1000
    this.#at = at + 4
  }

  // A zone directly after the time. A sign is a zone only if digits follow it.
  #isoZone(): void {
    if (readOffset(this.#bytes, this.#at, this.#limit)) this.#setOffset(zoneText.minutes, zoneText.end)
  }

  /** A zone after the clock: a word of its own, or `Z` or `+02:00` without a space, as in the ISO form. */
  #namedZone(): void {
    if (this.#at >= this.#limit) return
    if (this.#bytes[this.#at] !== SPACE) this.#isoZone()
    else if (readZoneWord(this.#bytes, this.#at, this.#limit)) this.#setOffset(zoneText.minutes, zoneText.end)
  }

  #setOffset(minutes: number, end: number): void {
    this.#offset = minutes
    this.#hasOffset = true
    this.#at = end
  }

  // Mmm (d|dd| d) [YYYY ]HH:MM:SS[fraction][ YYYY][ zone]
  #bsd(year = UNKNOWN): boolean {
    const start = this.#at
    const month = this.#month(start)
    if (month < 0 || this.#bytes[start + 3] !== SPACE) return false
    let at = start + 4
    if (this.#bytes[at] === SPACE) at += 1
    const digits = digitsAt(this.#bytes, this.#limit, at, 2)
    if (digits === 0 || this.#bytes[at + digits] !== SPACE) return false
    const day = numberAt(this.#bytes, this.#limit, at, digits)
    at += digits + 1
    if (year < 0) {
      year = this.#leadingYear(at)
      if (year >= 0) at += 5
    }
    if (!this.#bsdClock(at)) return false
    this.#fraction()
    this.#halfDay()
    if (year < 0) {
      this.#colonMilliseconds()
      year = this.#trailingYear()
    }
    this.#namedZone()
    if (this.#hasOffset) {
      this.#at = afterDaylight(this.#bytes, this.#at, this.#limit)
      if (year < 0) year = this.#trailingYear()
    }
    this.#setDate(year, month, day)
    return true
  }

  // YYYY Mmm dd HH:MM:SS
  #yearFirst(): boolean {
    const start = this.#at
    const year = numberAt(this.#bytes, this.#limit, start, 4)
    this.#at = start + 5
    if (year >= 0 && this.#bsd(year)) return true
    this.#at = start
    return false
  }

  // dd Mmm [YYYY ]HH:MM:SS
  #dayFirst(digits: number): boolean {
    const start = this.#at
    const day = numberAt(this.#bytes, this.#limit, start, digits)
    const month = this.#month(start + digits + 1)
    let at = start + digits + 4
    if (day < 0 || month < 0 || this.#bytes[at] !== SPACE) return false
    at += 1
    const year = this.#leadingYear(at)
    if (year >= 0) at += 5
    if (!this.#clock(at)) return false
    this.#fraction()
    this.#namedZone()
    this.#setDate(year, month, day)
    return true
  }

  // Www Mmm dd HH:MM:SS [zone ]YYYY
  #weekday(): boolean {
    const start = this.#at
    const name = lettersAt(this.#bytes, this.#limit, start)
    if (name < 0 || !weekdays.has(name)) return false
    const at = start + (this.#bytes[start + 3] === COMMA ? 4 : 3)
    if (this.#bytes[at] !== SPACE) return false
    this.#at = at + 1
    if (isDigit(this.#bytes[this.#at])) {
      if (this.#dayFirst(digitsAt(this.#bytes, this.#limit, this.#at, 2))) return true
    } else if (this.#bsd()) return true
    this.#at = start
    return false
  }

  // Ten digits: a second between 2001 and 2099, which must be a word of its own, optionally with a fraction. A number
  // outside that range is not a time but, for example, a count.
  #epoch(): boolean {
    const at = this.#at
    if (digitsAt(this.#bytes, this.#limit, at, 11) !== 10) return false
    const seconds = numberAt(this.#bytes, this.#limit, at, 10)
    if (seconds < EPOCH_FIRST_S || seconds >= EPOCH_LAST_S) return false
    this.#at = at + 10
    this.#fraction()
    if (this.#at < this.#limit && this.#bytes[this.#at] !== SPACE) return false
    this.#wallSeconds = seconds
    this.#setOffset(0, this.#at)
    this.isEpoch = true
    return true
  }

  #setDate(year: number, month: number, day: number): void {
    if (year >= 0) {
      this.#wallSeconds += isDay(year, month, day) ? daysFromCivil(year, month, day) * DAY_S : NaN
      return
    }
    const offset = this.#hasOffset ? this.#offset : this.#zone.offsetAt(this.#received)
    this.#wallSeconds += this.#bsdDays.dayOf(month, day, this.#received, offset) * DAY_S
  }

  /** `YYYY ` before the clock. */
  #leadingYear(at: number): number {
    if (digitsAt(this.#bytes, this.#limit, at, 4) < 4 || this.#bytes[at + 4] !== SPACE) return UNKNOWN
    return numberAt(this.#bytes, this.#limit, at, 4)
  }

  /** ` YYYY` after the clock, if it is a word of its own or followed by a colon; 1970 to 2099. */
  #trailingYear(): number {
    const at = this.#at
    if (at + 5 > this.#limit || this.#bytes[at] !== SPACE || digitsAt(this.#bytes, this.#limit, at + 1, 5) !== 4)
      return UNKNOWN
    const year = numberAt(this.#bytes, this.#limit, at + 1, 4)
    // `2001:db8::1` is not a year: a space must follow the colon.
    const next = at + 5 < this.#limit ? this.#bytes[at + 5] : SPACE
    const after = next === COLON && at + 6 < this.#limit ? this.#bytes[at + 6] : next
    if (year < 1970 || year > 2099 || after !== SPACE) return UNKNOWN
    this.#at = at + 5
    return year
  }

  /** The month at `at`, 1 to 12, or -1. It is usually the same as the last one, which is cached. */
  #month(at: number): number {
    const name = lettersAt(this.#bytes, this.#limit, at)
    if (name !== this.#monthName) {
      this.#monthName = name
      this.#monthNumber = months.get(name) ?? UNKNOWN
    }
    return this.#monthNumber
  }
}
