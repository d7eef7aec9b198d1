// The forms of a timestamp in a header that can be rebuilt from the time alone. Nearly all senders use one of them.
//
//   ISO   2003-10-11T22:14:15[.fraction of 1 to 6 digits]     the zone after it is in a gap of the shape
//   BSD   Oct 11 22:14:15                                     RFC 3164 §4.1.2
//
// A form is recognised by writing the time in it and comparing the result with the header, so that a timestamp that would not
// be rebuilt byte for byte is never recognised.

import { bsdText } from '../../common/message/time-text.ts'
import type { HeaderTable } from '../../common/pipeline/header-table.ts'
import { sameBytes, viewOf } from './byte-ranges.ts'

export const FORM_NONE = 0
export const FORM_ISO = 1
export const FORM_BSD = 2

const ISO_BYTES = 19
export const BSD_BYTES = 15
const SECOND_US = 1_000_000
const MINUTE_S = 60
const DOT = 0x2e
const ZERO = 0x30
const T = 0x54

const powers = [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1]

/** Keeps the text of the last second, which consecutive messages often share. */
class SecondText {
  readonly text: Uint8Array
  /** A view of `text`. */
  readonly view: DataView
  readonly #write: (date: Date) => string
  #minute = NaN
  #second = NaN

  constructor(bytes: number, write: (date: Date) => string) {
    this.text = new Uint8Array(bytes)
    this.view = viewOf(this.text)
    this.#write = write
  }

  /** Writes `text` for a second of local time, counted from the epoch. Returns false outside the years 0 to 9999. */
  set(wallSecond: number): boolean {
    if (wallSecond === this.#second) return true
    const minute = Math.floor(wallSecond / MINUTE_S)
    if (minute !== this.#minute) {
      if (wallSecond < -62_167_219_200 || wallSecond > 253_402_300_799) return false
      this.text.set(Buffer.from(this.#write(new Date(minute * MINUTE_S * 1000)), 'latin1'))
      this.#minute = minute
    }
    const second = wallSecond - minute * MINUTE_S
    const tens = (second / 10) | 0
    this.text[this.text.length - 2] = ZERO + tens
    this.text[this.text.length - 1] = ZERO + second - 10 * tens
    this.#second = wallSecond
    return true
  }
}

const iso = new SecondText(ISO_BYTES, (date) => date.toISOString().slice(0, ISO_BYTES))
const bsd = new SecondText(BSD_BYTES, bsdText)

const isDigit = (byte: number) => byte >= ZERO && byte <= ZERO + 9

/** The result of the last successful `recognise`: the form, the digits of the fraction, and where the timestamp ends. */
export const found = { form: FORM_NONE, digits: 0, end: 0 }

/**
 * Whether `[start, end)` begins with the time of row i, in its zone, in one of the forms. Sets `found`. The time is not a parameter,
 * since it would be allocated on the heap for each message.
 */
export function recognise(bytes: DataView, start: number, end: number, table: HeaderTable, i: number): boolean {
  const isIso = end - start >= ISO_BYTES && bytes.getUint8(start + 10) === T
  if (!isIso && end - start < BSD_BYTES) return false
  const time = table.times[i]
  const second = Math.floor(time / SECOND_US)
  const writer = isIso ? iso : bsd
  if (!writer.set(second + table.zones[i] * MINUTE_S)) return false
  const { length } = writer.text
  if (!sameBytes(bytes, start, writer.view, 0, length)) return false
  let at = start + length
  let digits = 0
  let fraction = 0
  if (isIso && at < end && bytes.getUint8(at) === DOT) {
    for (at += 1; digits < 6 && at < end; digits += 1, at += 1) {
      const digit = bytes.getUint8(at) - ZERO
      if (digit < 0 || digit > 9) break
      fraction = 10 * fraction + digit
    }
    if (digits === 0) return false
  }
  // Rejects a time with more precision than the text shows, and a text with more digits than the form has.
  if (fraction * powers[digits] !== time - second * SECOND_US || (at < end && isDigit(bytes.getUint8(at)))) return false
  found.form = isIso ? FORM_ISO : FORM_BSD
  found.digits = digits
  found.end = at
  return true
}

/** The number of bytes that `writeTime` writes. */
export function timeBytes(form: number, digits: number): number {
  if (form === FORM_NONE) return 0
  return form === FORM_BSD ? BSD_BYTES : ISO_BYTES + (digits > 0 ? 1 + digits : 0)
}

/** Writes a time, µs since the epoch, that `recognise` accepted in this form and zone; returns where it ends. */
export function writeTime(
  into: Uint8Array,
  at: number,
  time: number,
  zone: number,
  form: number,
  digits: number,
): number {
  const second = Math.floor(time / SECOND_US)
  const writer = form === FORM_ISO ? iso : bsd
  writer.set(second + zone * MINUTE_S)
  into.set(writer.text, at)
  at += writer.text.length
  if (digits === 0) return at
  into[at++] = DOT
  let fraction = time - second * SECOND_US
  for (let i = 1; i <= digits; i += 1) {
    const digit = (fraction / powers[i]) | 0
    into[at++] = ZERO + digit
    fraction -= digit * powers[i]
  }
  return at
}
