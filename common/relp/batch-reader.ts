// Reads the data of a `batch` command (`batch-writer.ts` describes its layout). The input is untrusted: it is either
// a consistent batch or rejected as a whole. Every length is checked against the bytes that are there, and the
// decompressed size against the announced one.

import { AS_LINES, COUNTED, readMessages } from './batch-messages.ts'
import { BATCH_VERSION, ENDS_BY_LENGTH, ENDS_EACH, ENDS_EQUAL } from './batch-writer.ts'
import { RELP_BATCH_RUNS_MAX, RELP_FRAME_BYTES_MAX } from '../limits.ts'
import type { Batch, Run, StreamRange } from '../pipeline/batch.ts'
import { isOrigin, type OriginReader } from '../pipeline/origin-bytes.ts'
import type { SlabPiece } from '../pipeline/shared-slab.ts'
import type { Slab } from '../pipeline/slab.ts'
import { zstdDecompressInto } from '../zstd.ts'

const ID_BYTES = 16

/** Thrown for malformed input; never leaves this module. */
class Malformed extends Error {}

/** How many slab bytes the batch in `[start, end)` needs; 0 if it is malformed or exceeds the limit. */
export function unpackedBytes(bytes: Buffer, start: number, end: number): number {
  try {
    const { unpacked, messages } = readFront(new Cursor(bytes, start, end))
    return messages <= unpacked && unpacked <= RELP_FRAME_BYTES_MAX ? unpacked : 0
  } catch (error) {
    return asUndefined(error) ?? 0
  }
}

/**
 * Decompresses the batch in `[start, end)` into a piece of a slab, which must have room for `unpackedBytes`. The
 * batch takes over the caller's reference to the slab. If the bytes are not a valid batch, returns undefined and the
 * reference stays the caller's. `received` is in µs since the epoch.
 */
export function readBatchFrame(
  bytes: Buffer,
  start: number,
  end: number,
  { slab, at }: SlabPiece,
  received: number,
  origins: OriginReader,
): Batch | undefined {
  const front = new Cursor(bytes, start, end)
  try {
    const { how, unpacked, messages } = readFront(front)
    if (unpack(bytes.subarray(front.at, end), slab.bytes.subarray(at, at + unpacked)) !== unpacked) return undefined
    const bounds = readMessages(slab, at, at + messages, how)
    return bounds && readContent(slab, bounds, at + messages, at + unpacked, received, origins)
  } catch (error) {
    return asUndefined(error)
  }
}

function asUndefined(error: unknown): undefined {
  if (!(error instanceof Malformed)) throw error
  return undefined
}

function readFront(front: Cursor) {
  if (front.byte() !== BATCH_VERSION) throw new Malformed()
  const how = front.byte()
  if (how !== COUNTED && how !== AS_LINES) throw new Malformed()
  return { how, unpacked: front.varint(), messages: front.varint() }
}

function unpack(packed: Buffer, into: Buffer): number {
  try {
    return zstdDecompressInto(packed, into)
  } catch {
    return -1 // no zstd, or more than was announced
  }
}

/** Reads the metadata that follows the messages, `[start, end)` of the slab. */
function readContent(
  slab: Slab,
  bounds: Uint32Array,
  start: number,
  end: number,
  arrived: number,
  origins: OriginReader,
): Batch {
  const { bytes } = slab
  const facts = new Cursor(bytes, start, end)
  const originBytes = facts.varint()
  const originsAt = facts.skip(originBytes)
  const streams: string[] = []
  const streamCount = facts.varint()
  if (streamCount > RELP_BATCH_RUNS_MAX) throw new Malformed()
  facts.fits(streamCount * ID_BYTES)
  for (let i = 0; i < streamCount; i += 1) {
    const at = facts.skip(ID_BYTES)
    streams.push(bytes.toString('hex', at, at + ID_BYTES))
  }

  const count = bounds.length / 2
  const runs: Run[] = []
  let marks: Uint32Array | undefined
  let at = 0
  while (!facts.done) {
    if (runs.length === RELP_BATCH_RUNS_MAX) throw new Malformed()
    const runCount = facts.varint()
    if (runCount > count - at) throw new Malformed()
    const originAt = originsAt + facts.varint()
    if (!isOrigin(bytes, originAt, originsAt + originBytes)) throw new Malformed()
    const origin = origins.read(bytes, originAt)
    const received = facts.varint()
    const index = facts.varint()
    if (index > streams.length) throw new Malformed()
    const stream = index === 0 ? undefined : readStream(facts, streams[index - 1], runCount, bounds, at)
    if (facts.byte() === 1) {
      marks ??= new Uint32Array(count)
      for (let i = 0; i < runCount; i += 1) marks[at + i] = facts.varint()
    }
    runs.push({ count: runCount, origin, received, ...(stream && { stream }) })
    at += runCount
  }
  if (at !== count) throw new Malformed()
  return { slab, bounds, count, received: arrived, runs, ...(marks && { marks }) }
}

function readStream(facts: Cursor, id: string, count: number, bounds: Uint32Array, at: number): StreamRange {
  const from = facts.varint()
  const length = facts.varint()
  const how = facts.byte()
  if (how > ENDS_BY_LENGTH || from + length > Number.MAX_SAFE_INTEGER) throw new Malformed()
  const ends = length <= 0xffffffff ? new Uint32Array(count) : new Float64Array(count)
  const step = how === ENDS_EACH ? 0 : facts.varint()
  let end = 0
  for (let i = 0; i < count; i += 1) {
    const bound = 2 * (at + i)
    if (how === ENDS_EQUAL) end += step
    else end += how === ENDS_EACH ? facts.varint() : step + bounds[bound + 1] - bounds[bound]
    if (end > length) throw new Malformed()
    ends[i] = end
  }
  return { id, from, to: from + length, ends }
}

class Cursor {
  at: number
  readonly #bytes: Buffer
  readonly #end: number

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes
    this.at = at
    this.#end = end
  }

  get done(): boolean {
    return this.at >= this.#end
  }

  fits(bytes: number): void {
    if (bytes > this.#end - this.at) throw new Malformed()
  }

  byte(): number {
    this.fits(1)
    return this.#bytes[this.at++]
  }

  /** Skips `bytes`; returns where they begin. */
  skip(bytes: number): number {
    this.fits(bytes)
    const at = this.at
    this.at += bytes
    return at
  }

  varint(): number {
    let value = 0
    for (let unit = 1; ; unit *= 128) {
      const byte = this.byte()
      value += (byte & 0x7f) * unit
      if (value > Number.MAX_SAFE_INTEGER) throw new Malformed()
      if (byte < 0x80) return value
      if (unit > 128 ** 7) throw new Malformed()
    }
  }
}
