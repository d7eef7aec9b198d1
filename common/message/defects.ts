// Defects: what was wrong with a message that is kept all the same. A message carries them as a bit mask, from the
// framing (`Batch.marks`) and the header parser (`KIND` cell) to the archive's column; people see the codes.

/** By bit, with the handbook's sentence. The order is stored in archives and must not change: new codes go to the end. */
export const defectTable = {
  PRI_MISSING: "No `<PRI>` in front: the source's default stands in.",
  PRI_INVALID: 'Something like a PRI that is none: `<999>`, `<`, `<34 Sep`.',
  TIME_INVALID: 'A time was recognised, but there is no such day, hour or zone.',
  VERSION_UNKNOWN: 'A version other than 1 (RFC 5424 §6.2.2).',
  HEADER_INVALID: 'Said to be RFC 5424, but its header breaks off or a field is malformed.',
  STRUCTURED_DATA_INVALID: 'Structured data that breaks the grammar; kept as part of the message.',
  FRAME_HALF: 'The connection ended or fell silent in the middle of a frame.',
  FRAME_COUNT_IN_DATAGRAM: "An octet count in front of a datagram's message; taken away.",
  MESSAGE_CHUNKED: 'One piece of a message over `max_message`.',
  FRAME_RESYNCHRONISED: 'The framing was lost before this message and found again.',
  DATAGRAM_CUT: 'A datagram of a Unix socket as long as can be read, 64 KiB: what may have been behind that is gone.',
} as const

export type DefectCode = keyof typeof defectTable

const defectCodes = Object.keys(defectTable) as DefectCode[]

/** The bit of a code. */
export function defectBit(code: DefectCode): number {
  return 1 << defectCodes.indexOf(code)
}

/** The codes of a mask, in the order of their bits. */
export function defectsOf(mask: number): DefectCode[] {
  return defectCodes.filter((_, bit) => (mask & (1 << bit)) !== 0)
}
