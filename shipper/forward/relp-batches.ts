// `batch` frames out of what is pending: small batches are joined, large ones cut, so that a frame is worth its round trip and
// zstd has something to find repeats in.

import { RELP_BATCH_BYTES, RELP_BATCH_COUNT_MAX, RELP_BATCH_RUNS_MAX } from '../../common/limits.ts'
import { Output } from '../../common/message/output.ts'
import type { Run, StreamRange } from '../../common/pipeline/batch.ts'
import { originBytes } from '../../common/pipeline/origin-bytes.ts'
import { addLines, AS_LINES, COUNTED, holdsLines } from '../../common/relp/batch-messages.ts'
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
  /** How they are written. */
  readonly how: number
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
    const how = this.#encoder.asReceived && holdsLines(content, count) ? AS_LINES : COUNTED
    if (this.#encoder.asReceived && how === COUNTED) this.#writeCounted()
    const bytes = content.length
    this.#writer.addFacts(content, this.#parts)
    return { content, bytes, how, batches, messages: pending.nextMessage }
  }

  /** Once more from the start, where a message holds a LF. */
  #writeCounted(): void {
    this.#content.clear()
    for (const { batch, run, first, end, at } of this.#parts) {
      for (let i = first; i < end; i += 1) this.#encoder.addKnown(this.#content, batch, at + i, run.origin)
    }
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
    let at = 0
    for (const run of batch.runs) {
      const first = Math.max(0, from - at)
      let i = first
      // What ends at `from` went with the frame before; a run without messages goes for its range.
      if (first < run.count || (run.count === 0 && at >= from && run.stream)) {
        if (this.#isFull(countBefore + at + first - from)) return at + first
        if (this.#encoder.asReceived) {
          const end = Math.min(run.count, first + COUNT - (countBefore + at + first - from))
          if (first < end) i = addLines(content, batch, at + first, at + end, RELP_BATCH_BYTES) - at
        } else {
          for (; i < run.count && !this.#isFull(countBefore + at + i - from); i += 1) {
            this.#encoder.addKnown(content, batch, at + i, run.origin)
          }
        }
        const stream = run.stream ?? ownRange(own.id, own.from + at, run)
        this.#parts.push({ batch, run, first, end: i, stream, at })
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
