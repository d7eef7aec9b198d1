// Defects: what was wrong with a message that is kept all the same. A message carries them as a bit mask, from the
// framing (`Batch.marks`) and the header parser (`KIND` cell) to the archive's column; people see the codes.

/** By bit. The order is stored in archives and must not change: new codes are added at the end. */
export const defectCodes = [
  'PRI_MISSING', // no <PRI>: the origin's default stands in
  'PRI_INVALID', // something like a PRI that is none: `<999>`, `<`, `<34 Sep`
  'TIME_INVALID', // a time was recognised but there is no such day or hour
  'VERSION_UNKNOWN', // a version other than 1 (RFC 5424 §6.2.2)
  'HEADER_INVALID', // said to be RFC 5424, but its header breaks off or a field is malformed
  'STRUCTURED_DATA_INVALID', // structured data that breaks the grammar; kept as part of the message
  'FRAME_HALF', // the connection ended or fell silent in the middle of a frame
  'FRAME_COUNT_IN_DATAGRAM', // an octet count in front of a datagram's message; removed
  'MESSAGE_CHUNKED', // one piece of a message over max_message
  'FRAME_RESYNCHRONISED', // the framing was lost before this message and found again
] as const

export type DefectCode = (typeof defectCodes)[number]

/** The bit of a code. */
export function defectBit(code: DefectCode): number {
  return 1 << defectCodes.indexOf(code)
}

/** The codes of a mask, in the order of their bits. */
export function defectsOf(mask: number): DefectCode[] {
  return defectCodes.filter((_, bit) => (mask & (1 << bit)) !== 0)
}
