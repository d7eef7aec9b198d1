// `batch` frames out of what is pending: small batches are joined, large ones cut, so that a frame is worth its round trip and
// zstd has something to find repeats in.

import { RELP_BATCH_BYTES, RELP_BATCH_COUNT_MAX, RELP_BATCH_RUNS_MAX } from '../../common/limits.ts'
import { Output } from '../../common/message/output.ts'
import type { Run, StreamRange } from '../../common/pipeline/batch.ts'
import { originBytes } from '../../common/pipeline/origin-bytes.ts'
import { BatchWriter, type RunPart } from '../../common/relp/batch-writer.ts'
import type { Pending, RelpPending } from './relp-pending.ts'
import type { WireEncoder } from './wire-encoder.ts'

const COUNT = RELP_BATCH_COUNT_MAX / 2
const RUNS = RELP_BATCH_RUNS_MAX / 2
const ORIGIN_BYTES = 1024 * 1024

/** A frame, from now on on its way. */
export interface BatchFrame {
  /** Its messages and what is to be known of them, to be packed; the first `bytes` are the messages. */
  readonly content: Output
  readonly bytes: number
  /** How many batches are answered whole with it, and how many messages of the next. */
  readonly batches: number
  readonly messages: number
}

export class RelpBatches {
  readonly #encoder: WireEncoder
  readonly #writer: BatchWriter
  #content = nothing
  #parts: RunPart[] = []
  #originBytes = 0

  constructor(encoder: WireEncoder) {
    this.#encoder = encoder
    this.#writer = new BatchWriter(encoder.asReceived)
  }

  /** The next frame, written to `content`. Something is unsent. */
  next(pending: RelpPending, content: Output): BatchFrame {
    this.#content = content
    this.#parts = []
    this.#originBytes = 0
    let count = 0
    let batches = 0
    while (pending.hasUnsent && !this.#isFull(count)) {
      const from = pending.nextMessage
      const end = this.#add(pending.next, from, count)
      count += end - from
      if (pending.sentUpTo(end)) batches += 1
    }
    const bytes = content.length
    this.#writer.addFacts(content, this.#parts)
    return { content, bytes, batches, messages: pending.nextMessage }
  }

  #isFull(count: number): boolean {
    return (
      this.#content.length >= RELP_BATCH_BYTES ||
      count >= COUNT ||
      this.#parts.length >= RUNS ||
      this.#originBytes >= ORIGIN_BYTES
    )
  }

  /** Adds messages of a batch from `from` on; returns the first that found no room. */
  #add({ given }: Pending, from: number, countBefore: number): number {
    const { batch, own } = given
    const content = this.#content
    const { received, bounds, marks } = batch
    let at = 0
    for (const run of batch.runs) {
      const first = Math.max(0, from - at)
      let i = first
      // What ends at `from` went with the frame before; a run without messages goes for its range.
      if (first < run.count || (run.count === 0 && at >= from && run.stream)) {
        if (this.#isFull(countBefore + at + first - from)) return at + first
        for (; i < run.count && !this.#isFull(countBefore + at + i - from); i += 1) {
          this.#encoder.addKnown(content, batch, at + i, run.origin)
        }
        const stream = run.stream ?? ownRange(own.id, own.from + at, run)
        this.#parts.push({ run, first, end: i, received, stream, bounds, marks, at })
        this.#originBytes += originBytes(run.origin).length
        if (i < run.count) return at + i
      }
      at += run.count
    }
    return batch.count
  }
}

const nothing = new Output(Buffer.alloc(0))

/** A run as part of a stream of our own: one position a message. */
function ownRange(id: string, from: number, { count }: Run): StreamRange {
  while (counted.length < count) counted = Uint32Array.from({ length: 2 * counted.length }, (_, i) => i + 1)
  return { id, from, to: from + count, ends: counted }
}

let counted = Uint32Array.from({ length: 4096 }, (_, i) => i + 1)
