// The bytes that end a message in a stream, and that a sender may leave at its end where its length is known otherwise: in a datagram, in
// a frame with an octet count, and in a RELP frame. They are not part of the message.

const NUL = 0x00
const LF = 0x0a
const CR = 0x0d

/** The end of `[start, end)` without trailing CR, LF and NUL. */
export function trimmedEnd(bytes: Uint8Array, start: number, end: number): number {
  while (end > start && isTerminator(bytes[end - 1])) end -= 1
  return end
}

export function isTerminator(byte: number): boolean {
  return byte === LF || byte === CR || byte === NUL
}
