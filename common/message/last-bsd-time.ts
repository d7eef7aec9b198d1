// Caches the last time of the form `Oct 11 22:14:15` and its result.

import { isDigit } from './digits.ts'
import { LastText } from './last-text.ts'

const SPACE = 0x20
const COLON = 0x3a
export const BSD_BYTES = 15

/**
 * Whether a time at `at` ends with its seconds: what follows is neither a zone nor a year, but a word in lower case, or a number other
 * than a year (`10.0.0.1`).
 */
export function endsWithSecond(bytes: Uint8Array, at: number, limit: number): boolean {
  const afterYear = at + BSD_BYTES + 5
  if (afterYear >= limit || bytes[at + 3] !== SPACE || bytes[at + BSD_BYTES] !== SPACE) return false
  const next = bytes[at + BSD_BYTES + 1]
  if (isDigit(next)) return bytes[afterYear] !== SPACE && bytes[afterYear] !== COLON
  return next >= 0x61 && next <= 0x7a
}

export class LastBsdTime {
  /** Microseconds since the epoch, and minutes east of UTC. */
  time = NaN
  offset = 0
  readonly #text = new LastText(BSD_BYTES)
  #isKept = false

  is(view: DataView, at: number): boolean {
    return this.#isKept && this.#text.is(view, at)
  }

  keep(view: DataView, at: number, time: number, offset: number): void {
    this.#text.keep(view, at)
    this.#isKept = true
    this.time = time
    this.offset = offset
  }

  forget(): void {
    this.#isKept = false
  }
}
