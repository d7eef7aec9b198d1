// Defects: what is wrong with a message that is kept nevertheless. They are passed along as a bit mask, from framing
// (`Batch.marks`) and the header parser (`KIND` cell) to the archive's column; users see the codes.

/**
 * Defect codes in the order of their bits, with the sentence of the handbook. The order is stored in archives and
 * must not change: append new codes at the end.
 */
export const defectTable = {
  PRI_MISSING: 'No `<PRI>` at the start; the default of the source is used.',
  PRI_INVALID: 'It starts like a PRI but is not one: `<999>`, `<`, `<34 Sep`.',
  TIME_INVALID: 'The time is well formed, but there is no such day, hour or zone.',
  VERSION_UNKNOWN: 'A version other than 1 (RFC 5424 §6.2.2).',
  HEADER_INVALID: 'It claims to be RFC 5424, but the header is incomplete or a field is malformed.',
  STRUCTURED_DATA_INVALID: 'The structured data violates the grammar; it is kept as part of the message.',
  FRAME_HALF: 'The connection ended or went silent in the middle of a frame.',
  FRAME_COUNT_IN_DATAGRAM: 'A datagram began with an octet count; it was removed.',
  MESSAGE_CHUNKED: 'One chunk of a message longer than `max_message`.',
  FRAME_RESYNCHRONISED: 'Framing was lost before this message and found again.',
  DATAGRAM_CUT:
    'A datagram of a Unix socket as long as the longest that can be read, 64 KiB: it may have been cut there.',
} as const

export type DefectCode = keyof typeof defectTable

const defectCodes = Object.keys(defectTable) as DefectCode[]

/** The mask with the bit of this code. */
export function defectBit(code: DefectCode): number {
  return 1 << defectCodes.indexOf(code)
}

/** The codes in a mask, in the order of their bits. */
export function defectsOf(mask: number): DefectCode[] {
  return defectCodes.filter((_, bit) => (mask & (1 << bit)) !== 0)
}
