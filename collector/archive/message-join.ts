// Rebuilds message texts from their columns (`message-columns.ts`).

import { grown } from '../../common/grown.ts'
import { ByteReader } from './byte-writer.ts'
import { readIds, type MessageStream } from './columns.ts'
import { byNumber } from './message-columns.ts'
import { SLOT } from './skeletons.ts'

/** Text i of the result is `[starts[i], starts[i + 1])` of `bytes`. Throws a RangeError if the streams do not fit together. */
export function joinMessages(
  streams: Record<MessageStream, Uint8Array>,
  count: number,
): { bytes: Buffer; starts: Uint32Array } {
  const skeletons = readSkeletons(streams)
  const numbers = skeletons.starts.length - 1
  const ids = readIds(streams.skeletons, count, numbers)
  const { order, bounds } = byNumber(ids, count, numbers)
  const lengths = valueLengths(streams.valueLengths)
  // The index of the first value of each skeleton's first slot.
  const firstValue = new Uint32Array(numbers + 1)
  for (let s = 0; s < numbers; s += 1) {
    firstValue[s + 1] = firstValue[s] + skeletons.slots[s] * (bounds[s + 1] - bounds[s])
  }
  if (firstValue[numbers] !== lengths.length) throw new RangeError('the values of a block do not fit its messages')
  const valueStarts = new Uint32Array(lengths.length + 1)
  for (let v = 0; v < lengths.length; v += 1) valueStarts[v + 1] = valueStarts[v] + lengths[v]
  if (valueStarts[lengths.length] !== streams.valueBytes.length)
    throw new RangeError('a column is shorter than it says')
  const rank = new Uint32Array(count)
  for (let s = 0; s < numbers; s += 1) for (let i = bounds[s]; i < bounds[s + 1]; i += 1) rank[order[i]] = i - bounds[s]

  const starts = new Uint32Array(count + 1)
  for (let i = 0; i < count; i += 1) {
    const s = ids[i]
    let length = skeletons.fixed[s]
    const occurrences = bounds[s + 1] - bounds[s]
    for (let v = firstValue[s] + rank[i]; v < firstValue[s + 1]; v += occurrences) length += lengths[v]
    starts[i + 1] = starts[i] + length
  }
  const bytes = Buffer.allocUnsafeSlow(starts[count])
  for (let i = 0; i < count; i += 1) {
    const s = ids[i]
    const value = firstValue[s] + rank[i]
    fill(bytes, starts[i], streams, skeletons, s, value, bounds[s + 1] - bounds[s], valueStarts)
  }
  return { bytes, starts }
}

interface Skeletons {
  /** Skeleton s is `[starts[s], starts[s + 1])` of the stream. */
  readonly starts: Uint32Array
  /** Number of slots of each skeleton. */
  readonly slots: Uint32Array
  /** Number of bytes of each skeleton, not counting its slots. */
  readonly fixed: Uint32Array
}

function readSkeletons(streams: Record<MessageStream, Uint8Array>): Skeletons {
  const lengths = valueLengths(streams.skeletonLengths)
  const count = lengths.length
  const starts = new Uint32Array(count + 1)
  const slots = new Uint32Array(count)
  const fixed = new Uint32Array(count)
  const bytes = streams.skeletonBytes
  for (let s = 0; s < count; s += 1) {
    starts[s + 1] = starts[s] + lengths[s]
    for (let at = starts[s]; at < starts[s + 1]; at += 1) {
      if (bytes[at] === SLOT) slots[s] += 1
      else fixed[s] += 1
    }
  }
  if (starts[count] !== bytes.length) throw new RangeError('a column is shorter than it says')
  return { starts, slots, fixed }
}

/** Writes the text of a skeleton at `at`; the value of its first slot is `value`, those of the next slots follow at steps of `step`. */
function fill(
  into: Uint8Array,
  at: number,
  streams: Record<MessageStream, Uint8Array>,
  skeletons: Skeletons,
  skeleton: number,
  value: number,
  step: number,
  valueStarts: Uint32Array,
): void {
  const text = streams.skeletonBytes
  const { valueBytes } = streams
  const end = skeletons.starts[skeleton + 1]
  for (let i = skeletons.starts[skeleton]; i < end; i += 1) {
    const byte = text[i]
    if (byte === SLOT) {
      for (let v = valueStarts[value]; v < valueStarts[value + 1]; v += 1) into[at++] = valueBytes[v]
      value += step
    } else into[at++] = byte
  }
}

function valueLengths(stream: Uint8Array): Uint32Array {
  const reader = new ByteReader(stream)
  let lengths = new Uint32Array(1024)
  let count = 0
  while (reader.at < stream.length) {
    if (count === lengths.length) lengths = grown(lengths)
    lengths[count++] = reader.varint()
  }
  return lengths.subarray(0, count)
}
