// The columns of a block: which stream of which pack holds what.

/** Streams of `data.fields`. */
export const FIELD_STREAMS = [
  'shapeLengths', // dictionary of shapes (`shape.ts`)
  'shapeBytes',
  'shapes', // number of each message's shape
  'seconds', // times, as zigzag deltas to the last one of the same unit
  'milliseconds',
  'microseconds',
  'oddTimes', // 64-bit floats
  'received', // zigzag deltas, µs
  'priorities', // a byte each
  'hosts', // numbers in the dictionary that stands in the block's row
  'programs',
  'pids', // varints: 0 none, 1 a text in `pidLengths`, else 2 + zigzag delta to the last one of the same host and program
  'pidLengths',
  'pidBytes',
  'msgidLengths', // dictionary of message ids; an empty one is none
  'msgidBytes',
  'msgids',
  'originLengths', // dictionary of origins: source, NUL, peer
  'originBytes',
  'origins',
  'defects', // varints; empty where there are none
] as const

/** Of the messages' texts (`message-columns.ts`). */
export const MESSAGE_STREAMS = [
  'skeletonLengths',
  'skeletonBytes',
  'skeletons', // number of each message's skeleton
  'valueLengths', // in the order of skeletons, then slots, then messages
  'valueBytes',
] as const

export type MessageStream = (typeof MESSAGE_STREAMS)[number]

/** Streams of `data.texts`. */
export const TEXT_STREAMS = [
  ...MESSAGE_STREAMS,
  'structuredDataLengths', // empty where there is none at all
  'structuredDataBytes',
  'headerLengths', // of kept headers, in the order of their messages
  'headerBytes',
] as const

export type FieldStream = (typeof FIELD_STREAMS)[number]
export type TextStream = (typeof TEXT_STREAMS)[number]

/** Numbers of dictionary entries as bytes: one, two or four planes, low bytes first, as wide as the dictionary needs. */
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
