// Writes times as text, in the two forms with which lines begin. The text of the last second is cached: consecutive
// messages usually share it, and then only the fraction is written.

import type { Output } from './output.ts'
import { monthNames } from './time-words.ts'

const DIGIT_0 = 0x30
const SECOND_US = 1_000_000
const MINUTE_S = 60

const pad = (value: number, width: number) => String(value).padStart(width, '0')

/** `+01:00` for 60 minutes east of UTC. */
function offsetText(zone: number): string {
  const minutes = Math.abs(zone)
  return `${zone < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60), 2)}:${pad(minutes % 60, 2)}`
}

/** The wall-clock date of an instant (seconds since the epoch) in a zone (minutes east of UTC). Years are clamped to 0 to 9999. */
function wallDate(second: number, zone: number): Date {
  return new Date(Math.min(253_402_300_799, Math.max(-62_167_219_200, second + zone * MINUTE_S)) * 1000)
}

/**
 * Writes `2026-11-20T10:00:00.123456+01:00` (RFC 3339, always six fractional digits) for µs since the epoch and
 * minutes east of UTC.
 */
export class IsoTimeWriter {
  // 32 bytes in memory of its own, copied as eight words.
  readonly #text = Buffer.alloc(32, '2026-11-20T10:00:00.123456+01:00')
  readonly #words = new DataView(this.#text.buffer, this.#text.byteOffset, 32)
  #second = NaN
  #zone = NaN
  #fraction = NaN

  write(time: number, zone: number, output: Output): void {
    const text = this.#text
    const second = Math.floor(time / SECOND_US)
    if (second !== this.#second || zone !== this.#zone) {
      this.#second = second
      this.#zone = zone
      text.write(wallDate(second, zone).toISOString().slice(0, 19), 0, 'latin1')
      text.write(offsetText(zone), 26, 'latin1')
    }
    // 32-bit integers are twice as fast as doubles here.
    let fraction = (time - second * SECOND_US) | 0
    if (fraction !== this.#fraction) {
      this.#fraction = fraction
      for (let at = 25; at >= 20; at -= 1) {
        const rest = (fraction / 10) | 0
        text[at] = DIGIT_0 + fraction - rest * 10
        fraction = rest
      }
    }
    output.words(this.#words)
  }
}

/** `Nov 20 10:00:00` (RFC 3164 §4.1.2): the fields of a date in UTC. */
export function bsdText(date: Date): string {
  const day = String(date.getUTCDate()).padStart(2, ' ')
  return `${monthNames[date.getUTCMonth()]} ${day} ${date.toISOString().slice(11, 19)}`
}

/** Writes `Nov 20 10:00:00` (RFC 3164 §4.1.2). */
export class BsdTimeWriter {
  readonly #text = Buffer.from('Nov 20 10:00:00')
  #second = NaN
  #zone = NaN

  write(time: number, zone: number, output: Output): void {
    const second = Math.floor(time / SECOND_US)
    if (second !== this.#second || zone !== this.#zone) {
      this.#second = second
      this.#zone = zone
      this.#text.write(bsdText(wallDate(second, zone)), 0, 'latin1')
    }
    output.fixed(this.#text)
  }
}

/** `2003-10-11T22:14:15.003000Z`, for JSON: an instant (µs since the epoch) in UTC. */
export function utcText(time: number): string {
  const second = Math.floor(time / SECOND_US)
  return `${wallDate(second, 0).toISOString().slice(0, 19)}.${pad(time - second * SECOND_US, 6)}Z`
}
