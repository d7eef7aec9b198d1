// Parses decimal digits of a message without creating a string.

/** There is no number at this position. */
export const UNKNOWN = -1

export const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39

/** The value of `count` digits at `at`, all before `limit`; `UNKNOWN` if there are fewer. */
export function numberAt(bytes: Uint8Array, limit: number, at: number, count: number): number {
  if (at + count > limit) return UNKNOWN
  let value = 0
  for (let i = at; i < at + count; i += 1) {
    const digit = bytes[i] - 0x30
    if (digit < 0 || digit > 9) return UNKNOWN
    value = value * 10 + digit
  }
  return value
}

/**
 * The value of the two digits at `at`, which must lie within the message; `UNKNOWN` if they are not digits. Times
 * consist of such pairs, and a loop would cost more.
 */
export function twoDigitsAt(bytes: Uint8Array, at: number): number {
  const tens = bytes[at] - 0x30
  const ones = bytes[at + 1] - 0x30
  return tens < 0 || tens > 9 || ones < 0 || ones > 9 ? UNKNOWN : tens * 10 + ones
}

/** The number of consecutive digits at `at`, up to `most`. */
export function digitsAt(bytes: Uint8Array, limit: number, at: number, most: number): number {
  let count = 0
  while (count < most && at + count < limit && isDigit(bytes[at + count])) count += 1
  return count
}
