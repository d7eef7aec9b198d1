// Writes the data of a `batch` command. All numbers except the first two bytes are varints: 7 bits per byte, low bits
// first, the high bit set if more bytes follow.
//
//   1        version: 2
//   1        encoding of the messages: 0 counted, 1 as lines
//   varint   length of what follows, uncompressed
//   varint   how much of that is messages
//   zstd ┬─  messages    see `batch-messages.ts`
//        ├─  origins     varint: how many bytes; see `pipeline/origin-bytes.ts`
//        ├─  streams     varint: how many; 16 bytes of id each
//        └─  runs        up to the end, each:
//                varint  number of messages
//                varint  offset of its origin from the first origin
//                varint  when the first sluice received it, µs since the epoch
//                varint  0 without a stream, else 1 + its index, and then
//                          varint  from: the position before the run
//                          varint  to - from
//                          byte    encoding of the positions after each message:
//                                    0   a varint each: the distance from the one before
//                                    1   one varint: every distance
//                                    2   one varint: what every distance has beyond the length of the message
//                byte    0, or 1 and a varint for each message: the defects that framing found
//
// Positions of lines of a file are `2 1`, counted positions `1 1`: two bytes for all positions of a run. The messages
// come first, so that the receiver can use them where they were decompressed to.

import { Output } from '../message/output.ts'
import { receivedOf, type Batch, type Run, type StreamRange } from '../pipeline/batch.ts'
import { gatherOrigins } from '../pipeline/origin-bytes.ts'
import { zstdCompressor, type ZstdCompressor } from '../zstd.ts'

/** The version of the layout above. */
export const BATCH_VERSION = 2
export const ENDS_EACH = 0
export const ENDS_EQUAL = 1
export const ENDS_BY_LENGTH = 2

// Measured on frames of 224 KiB, log lines of 145 bytes: hash tables of 2^15 and 2^14 entries fit a processor's nearest caches. With
// them level 3 takes 13 to 29 % less time than with its own larger ones, and frames are 0.6 % larger. Level 1 would take 40 % less, but
// its frames are 6 to 8 % larger. With a minimum match of six bytes frames are 2 to 4 % smaller than with five, in the same time.
const LEVEL = 3
const PARAMETERS = { minMatch: 6, hashLog: 15, chainLog: 14 }

/** A compressor with the parameters for a frame's content. */
export function batchCompressor(): ZstdCompressor {
  return zstdCompressor(LEVEL, PARAMETERS)
}

/** Consecutive messages of one run of a batch. */
export interface RunPart {
  readonly batch: Batch
  readonly run: Run
  /** Messages `[first, end)` of the run. */
  readonly first: number
  readonly end: number
  /**
   * The stream range that its positions belong to: the run's own, or the sender's own stream for messages that cannot
   * be read again.
   */
  readonly stream: StreamRange | undefined
  /** Index of the run's first message in its batch. */
  readonly at: number
}

/**
 * Appends the metadata of the runs to `content`, which already holds the messages. After that it can be compressed. `asReceived`:
 * messages are sent byte for byte as received, so positions may be encoded relative to message lengths.
 */
export function addFacts(content: Output, parts: readonly RunPart[], asReceived: boolean): void {
  const { offsets, encoded, bytes } = gatherOrigins(parts.map(({ run }) => run))
  writeVarint(content, bytes)
  for (const origin of encoded) content.fixed(origin)
  const streams = new Map<string, number>()
  for (const { stream } of parts) if (stream && !streams.has(stream.id)) streams.set(stream.id, streams.size)
  writeVarint(content, streams.size)
  for (const id of streams.keys()) content.fixed(Buffer.from(id, 'hex'))
  for (const part of parts) writePart(content, part, offsets.get(part.run.origin)!, streams, asReceived)
}

/**
 * The data of a `batch` command, in two parts. `zstd` decompresses to `unpacked` bytes; the first `messageBytes` of them are
 * messages, encoded as `how` says.
 */
export function batchData(zstd: Uint8Array, how: number, unpacked: number, messageBytes: number): Uint8Array[] {
  const front = new Output(Buffer.allocUnsafe(FRONT_BYTES_MAX))
  front.byte(BATCH_VERSION)
  front.byte(how)
  writeVarint(front, unpacked)
  writeVarint(front, messageBytes)
  return [front.written, zstd]
}

// Two bytes and two varints fit easily.
const FRONT_BYTES_MAX = 32

function writePart(
  content: Output,
  part: RunPart,
  originOffset: number,
  streams: ReadonlyMap<string, number>,
  asReceived: boolean,
): void {
  const { run, first, end, stream, at } = part
  const { marks } = part.batch
  writeVarint(content, end - first)
  writeVarint(content, originOffset)
  writeVarint(content, Math.max(0, Math.floor(receivedOf(part.batch, run))))
  if (stream) {
    writeVarint(content, 1 + streams.get(stream.id)!)
    writeEnds(content, part, stream, asReceived)
  } else writeVarint(content, 0)
  let defects = 0
  if (marks) for (let i = first; i < end; i += 1) defects |= marks[at + i]
  content.byte(defects === 0 ? 0 : 1)
  if (defects !== 0) for (let i = first; i < end; i += 1) writeVarint(content, marks![at + i])
}

// A part of a run covers its range from the end of the message before the part. The last part extends to the end of the range.
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
