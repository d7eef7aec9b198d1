// The columns of a block: the streams of its two packs (`pack.ts`), in the order in which they are stored.

/** Streams of the pack `data.fields`. */
export const FIELD_STREAMS = [
  'shapeLengths', // dictionary of shapes (`shape.ts`)
  'shapeBytes',
  'shapes', // number of each message's shape
  'seconds', // times, as zigzag deltas from the last one of the same unit (`shape.ts`)
  'milliseconds',
  'microseconds',
  'oddTimes', // 64-bit floats
  'received', // zigzag deltas, µs
  'priorities', // one byte each
  'hosts', // numbers in the dictionary in the block's row
  'programs',
  'pids', // varints: 0 none, 1 a text in `pidBytes`, else 2 + zigzag delta from the last pid of the same host and program
  'pidLengths',
  'pidBytes',
  'msgidLengths', // dictionary of message ids; an empty one stands for none
  'msgidBytes',
  'msgids',
  'originLengths', // dictionary of origins, each of which is source, NUL, peer
  'originBytes',
  'origins',
  'defects', // varints; empty if no message has any
] as const

/** The streams of `data.texts` that have the message texts (`message-columns.ts`). */
export const MESSAGE_STREAMS = [
  'skeletonLengths',
  'skeletonBytes',
  'skeletons', // number of each message's skeleton
  'valueLengths', // ordered by skeleton, then slot, then message
  'valueBytes',
] as const

export type MessageStream = (typeof MESSAGE_STREAMS)[number]

/** Streams of the pack `data.texts`. */
export const TEXT_STREAMS = [
  ...MESSAGE_STREAMS,
  'structuredDataLengths', // empty if no message has structured data
  'structuredDataBytes',
  'headerLengths', // of the kept headers (`shape.ts`), in message order
  'headerBytes',
] as const

/** Values in a column of pids: the message has none; the pid is not a plain number, and is stored as a text. */
export const NO_PID = -1
export const PID_IS_TEXT = -2

/** Concatenated texts: text i is `[starts[i], starts[i + 1])` of `bytes`. */
export interface Texts {
  readonly bytes: Buffer
  readonly starts: Uint32Array
}

export type FieldStream = (typeof FIELD_STREAMS)[number]
export type TextStream = (typeof TEXT_STREAMS)[number]

/**
 * Encodes numbers of dictionary entries in byte planes: first the low byte of every number, then the next one. There are no planes for
 * up to 1 entry, one up to 256, two up to 65,536, else four.
 */
export function writeIds(ids: Uint32Array, count: number, entries: number): Uint8Array {
  const planes = planesFor(entries)
  const bytes = new Uint8Array(planes * count)
  for (let plane = 0; plane < planes; plane += 1) {
    const shift = 8 * plane
    const at = plane * count
    for (let i = 0; i < count; i += 1) bytes[at + i] = ids[i] >>> shift
  }
  return bytes
}

/** Reverses `writeIds`. Throws a RangeError if the length is wrong or a number is not below `entries`. */
export function readIds(bytes: Uint8Array, count: number, entries: number): Uint32Array {
  const planes = planesFor(entries)
  if (bytes.length !== planes * count) throw new RangeError('a column of numbers has another length than its messages')
  const ids = new Uint32Array(count)
  for (let plane = 0; plane < planes; plane += 1) {
    const shift = 8 * plane
    const at = plane * count
    for (let i = 0; i < count; i += 1) ids[i] |= bytes[at + i] << shift
  }
  for (let i = 0; i < count; i += 1)
    if (ids[i] >= entries) throw new RangeError('a column names an entry that is not there')
  return ids
}

function planesFor(entries: number): number {
  return entries <= 1 ? 0 : entries <= 0x100 ? 1 : entries <= 0x10000 ? 2 : 4
}
