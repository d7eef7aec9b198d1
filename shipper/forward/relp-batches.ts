// Makes `batch` frames of pending batches. Small batches are joined and large ones split, so that a frame is worth its round trip
// and zstd finds repeats.

import { RELP_BATCH_BYTES, RELP_BATCH_COUNT_MAX, RELP_BATCH_RUNS_MAX } from '../../common/limits.ts'
import { Output } from '../../common/message/output.ts'
import type { Run, StreamRange } from '../../common/pipeline/batch.ts'
import { originBytes } from '../../common/pipeline/origin-bytes.ts'
import { addLines, AS_LINES, COUNTED, holdsLines } from '../../common/relp/batch-messages.ts'
import { addFacts, type RunPart } from '../../common/relp/batch-writer.ts'
import type { Pending, RelpPending } from './relp-pending.ts'
import type { WireEncoder } from './wire-encoder.ts'

const COUNT = RELP_BATCH_COUNT_MAX / 2
const RUNS = RELP_BATCH_RUNS_MAX / 2
const ORIGIN_BYTES = 1024 * 1024

/** A frame that is to be packed and sent. Its messages count as sent already. */
export interface BatchFrame {
  /** The messages (the first `bytes` bytes) and after them their metadata; not compressed yet. */
  readonly content: Output
  readonly bytes: number
  /** How the messages are delimited: `AS_LINES` or `COUNTED`. */
  readonly how: number
  /** When it is answered: number of pending batches that are then answered completely, and of messages of the one after them. */
  readonly batches: number
  readonly messages: number
}

export class RelpBatches {
  readonly #encoder: WireEncoder
  #content = nothing
  #parts: RunPart[] = []
  #originBytes = 0

  constructor(encoder: WireEncoder) {
    this.#encoder = encoder
  }

  /** Writes the next frame to `content`. `pending` must have something unsent. */
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
    const { asReceived } = this.#encoder
    const how = asReceived && this.#holdsLines(count) ? AS_LINES : COUNTED
    if (asReceived && how === COUNTED) this.#writeCounted()
    const bytes = content.length
    addFacts(content, this.#parts, asReceived)
    return { content, bytes, how, batches, messages: pending.nextMessage }
  }

  // Looking through the messages again took an eighth of a busy client's main thread.
  #holdsLines(count: number): boolean {
    return this.#parts.every(({ batch }) => batch.singleLines) || holdsLines(this.#content, count)
  }

  /** Writes all messages again, octet counted, because one of them has a LF in it. */
  #writeCounted(): void {
    this.#content.clear()
    for (const { batch, run, first, end, at } of this.#parts) {
      for (let i = first; i < end; i += 1) this.#encoder.addKnown(this.#content, batch, at + i, run)
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

  /** Adds the messages of a batch from index `from` on. Returns the index of the first one that found no room. */
  #add({ given }: Pending, from: number, countBefore: number): number {
    const { batch, own } = given
    const content = this.#content
    let at = 0
    for (const run of batch.runs) {
      const first = Math.max(0, from - at)
      let i = first
      // A run that ends at `from` went with the frame before. A run without messages is sent for its range of positions.
      if (first < run.count || (run.count === 0 && at >= from && run.stream)) {
        if (this.#isFull(countBefore + at + first - from)) return at + first
        if (this.#encoder.asReceived) {
          const end = Math.min(run.count, first + COUNT - (countBefore + at + first - from))
          if (first < end) i = addLines(content, batch, at + first, at + end, RELP_BATCH_BYTES) - at
        } else {
          for (; i < run.count && !this.#isFull(countBefore + at + i - from); i += 1) {
            this.#encoder.addKnown(content, batch, at + i, run)
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

/** The range of a run in a stream of this destination: one position per message. */
function ownRange(id: string, from: number, { count }: Run): StreamRange {
  while (counted.length < count) counted = Uint32Array.from({ length: 2 * counted.length }, (_, i) => i + 1)
  return { id, from, to: from + count, ends: counted }
}

let counted = Uint32Array.from({ length: 4096 }, (_, i) => i + 1)
