// RFC 6587 §3.4.1: a length in decimal, one space, then that many bytes.
//
//   83 <34>1 2003-10-11T22:14:15.003Z host su - ID47 - 'su root' failed
//
// Leading zeros, which the RFC has not, are read as rsyslog and syslog-ng read them: as part of a text they would lose every frame behind.
// A message begins with `<`: a line of text that begins with a number (`12 monkeys`) is text. The digits are added up by
// hand: parseInt() wants a string, and that string would be the only allocation made for a frame.

const SPACE = 0x20
const LESS = 0x3c

// More digits than any count of ours: what has them is text.
const DIGITS_MAX = 10

/** More than this is no count of a message, but a text or an attack: it is read as a line. */
const COUNT_MAX = 64 * 1024 * 1024

/** The bytes so far could still become a count. */
export const UNDECIDED = -1
/** No count stands here. */
export const NO_COUNT = 0

/** The last count read: where its message begins, and how many bytes it has. */
export const octetCount = { start: 0, bytes: 0 }

/** Reads a count at `at`: true with the result in `octetCount`, else `UNDECIDED` or `NO_COUNT`. */
export function readOctetCount(bytes: Uint8Array, at: number, end: number): true | typeof UNDECIDED | typeof NO_COUNT {
  let count = 0
  let i = at
  for (const last = Math.min(end, at + DIGITS_MAX + 1); i < last; i += 1) {
    const digit = bytes[i] - 0x30
    if (digit < 0 || digit > 9) break
    count = count * 10 + digit
  }
  if (i === at || i - at > DIGITS_MAX || count > COUNT_MAX) return NO_COUNT
  if (i === end) return UNDECIDED
  if (bytes[i] !== SPACE || count === 0) return NO_COUNT
  if (i + 1 === end) return UNDECIDED
  if (bytes[i + 1] !== LESS) return NO_COUNT
  octetCount.start = i + 1
  octetCount.bytes = count
  return true
}
