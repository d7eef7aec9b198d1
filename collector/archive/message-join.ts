// Rebuilds message texts from their columns (`message-columns.ts`). Most of the work is copying short pieces: a byte at a time, decoding a
// block took nearly twice as long.

import { grown } from '../../common/grown.ts'
import { copyBytes, viewOf } from './byte-ranges.ts'
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
    firstValue[s + 1] = firstValue[s] + slotsOf(skeletons, s) * (bounds[s + 1] - bounds[s])
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
  const into = viewOf(bytes)
  const fixed = viewOf(streams.skeletonBytes)
  const values = viewOf(streams.valueBytes)
  const { slots } = skeletons
  for (let i = 0; i < count; i += 1) {
    const s = ids[i]
    const occurrences = bounds[s + 1] - bounds[s]
    let value = firstValue[s] + rank[i]
    let at = starts[i]
    let from = skeletons.starts[s]
    for (let slot = skeletons.firstSlot[s]; slot < skeletons.firstSlot[s + 1]; slot += 1) {
      const length = slots[slot] - from
      copyBytes(fixed, from, into, at, length)
      at += length
      copyBytes(values, valueStarts[value], into, at, lengths[value])
      at += lengths[value]
      value += occurrences
      from = slots[slot] + 1
    }
    copyBytes(fixed, from, into, at, skeletons.starts[s + 1] - from)
  }
  return { bytes, starts }
}

interface Skeletons {
  /** Skeleton s is `[starts[s], starts[s + 1])` of the stream. */
  readonly starts: Uint32Array
  /** The slots of skeleton s are at `slots[firstSlot[s]]` to `slots[firstSlot[s + 1] - 1]` in the stream. */
  readonly slots: Uint32Array
  readonly firstSlot: Uint32Array
  /** Number of bytes of each skeleton, not counting its slots. */
  readonly fixed: Uint32Array
}

function readSkeletons(streams: Record<MessageStream, Uint8Array>): Skeletons {
  const lengths = valueLengths(streams.skeletonLengths)
  const count = lengths.length
  const starts = new Uint32Array(count + 1)
  const firstSlot = new Uint32Array(count + 1)
  const fixed = new Uint32Array(count)
  const bytes = streams.skeletonBytes
  let slots = new Uint32Array(1024)
  let found = 0
  let next = bytes.indexOf(SLOT)
  for (let s = 0; s < count; s += 1) {
    starts[s + 1] = starts[s] + lengths[s]
    for (; next >= 0 && next < starts[s + 1]; next = bytes.indexOf(SLOT, next + 1)) {
      if (found === slots.length) slots = grown(slots)
      slots[found++] = next
    }
    firstSlot[s + 1] = found
    fixed[s] = lengths[s] - (found - firstSlot[s])
  }
  if (starts[count] !== bytes.length) throw new RangeError('a column is shorter than it says')
  return { starts, slots, firstSlot, fixed }
}

const slotsOf = ({ firstSlot }: Skeletons, skeleton: number) => firstSlot[skeleton + 1] - firstSlot[skeleton]

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
