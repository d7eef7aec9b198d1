// The data of a `batch` command, written. All numbers but the first two are varints: 7 bits a byte, low bits first, the high
// bit set where more follow.
//
//   1        version: 2
//   1        how the messages are written: 0 counted, 1 as lines
//   varint   bytes of what follows when it is unpacked
//   varint   of these, bytes of messages
//   zstd ┬─  messages    as `batch-messages.ts` draws them
//        ├─  origins     varint: how many bytes; as `pipeline/origin-bytes.ts` draws them
//        ├─  streams     varint: how many; 16 bytes of id each
//        └─  runs        up to the end, each:
//                varint  messages
//                varint  where its origin begins among the origins
//                varint  when the first sluice received it, µs since the epoch
//                varint  0 without a stream, else 1 + its index; then
//                          varint  from
//                          varint  to - from
//                          byte    how the positions behind the messages are written:
//                                    0   a varint each, from the one before
//                                    1   one varint: each is so much behind the one before
//                                    2   one varint: each is so much more than its message's length behind the one before
//                byte    0, or 1: then a varint each, the defects that framing found
//
// Lines of a file are `2 1`, counted positions `1 1`: two bytes for all of them. The messages come first, so that they lie
// in the receiver's slab where they were unpacked to.

import { Output } from '../message/output.ts'
import type { Batch, Origin, Run, StreamRange } from '../pipeline/batch.ts'
import { originBytes } from '../pipeline/origin-bytes.ts'
import { zstdCompressor, type ZstdCompressor } from '../zstd.ts'

/** Of the layout above. */
export const BATCH_VERSION = 2
export const ENDS_EACH = 0
export const ENDS_EQUAL = 1
export const ENDS_BY_LENGTH = 2

// Measured on log lines of 150 to 180 bytes: levels 1 to 3 differ by a tenth in size and by a sixth in time. Repeats of six bytes and
// more alone make it 2 to 4 % smaller than those of five, and no slower.
const LEVEL = 3
const MIN_MATCH = 6

/** What a frame's content is compressed with. */
export function batchCompressor(): ZstdCompressor {
  return zstdCompressor(LEVEL, { minMatch: MIN_MATCH })
}

/** Consecutive messages of one run of a batch. */
export interface RunPart {
  readonly batch: Batch
  readonly run: Run
  /** Messages `[first, end)` of the run. */
  readonly first: number
  readonly end: number
  /** Where its positions come from: the run's own, or the sender's for what cannot be read again. */
  readonly stream: StreamRange | undefined
  /** Index of the run's first message in its batch. */
  readonly at: number
}

export class BatchWriter {
  readonly #origins = new Output(Buffer.allocUnsafeSlow(1024))
  readonly #asReceived: boolean

  /** `asReceived` where messages go out byte for byte, so that their lengths say something of positions. */
  constructor(asReceived: boolean) {
    this.#asReceived = asReceived
  }

  /** Adds the runs' facts to `content`, which holds the messages. Then it can be packed. */
  addFacts(content: Output, parts: readonly RunPart[]): void {
    const places = this.#gatherOrigins(parts)
    writeVarint(content, this.#origins.length)
    content.fixed(this.#origins.written)
    const streams = [...new Set(parts.flatMap(({ stream }) => stream?.id ?? []))]
    writeVarint(content, streams.length)
    for (const id of streams) content.fixed(Buffer.from(id, 'hex'))
    for (const part of parts) writePart(content, part, places.get(part.run.origin)!, streams, this.#asReceived)
  }

  #gatherOrigins(parts: readonly RunPart[]): Map<Origin, number> {
    const places = new Map<Origin, number>()
    this.#origins.clear()
    let last: Buffer | undefined
    let lastPlace = 0
    for (const { run } of parts) {
      if (places.has(run.origin)) continue
      const bytes = originBytes(run.origin)
      // Origins that came from another sluice differ in their first receipt only.
      if (!last?.equals(bytes)) {
        last = bytes
        lastPlace = this.#origins.length
        this.#origins.fixed(bytes)
      }
      places.set(run.origin, lastPlace)
    }
    return places
  }
}

/**
 * The data of a `batch` command: `zstd` unpacks to `unpacked` bytes, of which the first `messageBytes` are messages, written as
 * `how` says.
 */
export function batchData(zstd: Uint8Array, how: number, unpacked: number, messageBytes: number): Buffer {
  const data = new Output(Buffer.allocUnsafe(zstd.length + FRONT_BYTES_MAX))
  data.byte(BATCH_VERSION)
  data.byte(how)
  writeVarint(data, unpacked)
  writeVarint(data, messageBytes)
  data.bytes.set(zstd, data.length)
  data.length += zstd.length
  return data.written
}

// Two bytes and two varints, with room to spare.
const FRONT_BYTES_MAX = 32

function writePart(
  content: Output,
  part: RunPart,
  originPlace: number,
  streams: readonly string[],
  asReceived: boolean,
): void {
  const { run, first, end, stream, at } = part
  const { received, marks } = part.batch
  writeVarint(content, end - first)
  writeVarint(content, originPlace)
  writeVarint(content, Math.max(0, Math.floor(run.origin.received ?? received)))
  if (stream) {
    writeVarint(content, 1 + streams.indexOf(stream.id))
    writeEnds(content, part, stream, asReceived)
  } else writeVarint(content, 0)
  let defects = 0
  if (marks) for (let i = first; i < end; i += 1) defects |= marks[at + i]
  content.byte(defects === 0 ? 0 : 1)
  if (defects !== 0) for (let i = first; i < end; i += 1) writeVarint(content, marks![at + i])
}

// Part of a run is the part of its range behind the messages before it; the last part goes to the range's end.
function writeEnds(content: Output, part: RunPart, { from, to, ends }: StreamRange, asReceived: boolean): void {
  const { run, first, end } = part
  const begin = first === 0 ? 0 : ends[first - 1]
  const stop = end === run.count ? to - from : ends[end - 1]
  writeVarint(content, from + begin)
  writeVarint(content, stop - begin)
  const count = end - first
  const step = count === 0 ? 0 : ends[first] - begin
  const more = count === 0 ? 0 : step - lengthOf(part, first)
  let equal = true
  let byLength = asReceived && more >= 0
  let before = begin
  for (let i = first; i < end && (equal || byLength); i += 1) {
    const delta = ends[i] - before
    equal &&= delta === step
    byLength &&= delta - lengthOf(part, i) === more
    before = ends[i]
  }
  content.byte(equal ? ENDS_EQUAL : byLength ? ENDS_BY_LENGTH : ENDS_EACH)
  if (equal || byLength) return writeVarint(content, equal ? step : more)
  before = begin
  for (let i = first; i < end; i += 1) {
    writeVarint(content, ends[i] - before)
    before = ends[i]
  }
}

function lengthOf({ batch, at }: RunPart, i: number): number {
  const { bounds } = batch
  return bounds[2 * (at + i) + 1] - bounds[2 * (at + i)]
}

function writeVarint(into: Output, value: number): void {
  into.reserve(10)
  let at = into.length
  const { bytes } = into
  while (value > 0x7fffffff) {
    bytes[at++] = (value % 128) | 0x80
    value = Math.floor(value / 128)
  }
  while (value > 0x7f) {
    bytes[at++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  bytes[at++] = value
  into.length = at
}
