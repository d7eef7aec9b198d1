// What a RELP lane was given and has not settled, in order, and two places in it: up to where everything is answered, and
// up to where everything is sent.
//
//   │ batch │ batch │ batch │ batch │ batch │
//       ▲ answered         ▲ sent
//
// A place is a batch and a number of its messages, so that a batch may lie in several frames, and a frame hold several
// batches. After a loss everything behind `answered` is to be sent again.

import { batchBytes } from '../../common/pipeline/batch.ts'
import type { Given } from './lane.ts'

export interface Pending {
  readonly given: Given
  /** Bytes of its messages. */
  readonly bytes: number
}

export class RelpPending {
  #queue: Pending[] = []
  /** Messages of the first batch that are answered. */
  #answered = 0
  /** Whole batches that are sent, and messages of the next. */
  #sentBatches = 0
  #sentMessages = 0
  #unsentBytes = 0

  get isEmpty(): boolean {
    return this.#queue.length === 0
  }

  /** Messages that are answered, of a batch that is not answered whole. */
  get answered(): number {
    return this.#answered
  }

  /** Whether something is left to be sent. */
  get hasUnsent(): boolean {
    return this.#sentBatches < this.#queue.length
  }

  /** About how many bytes of messages are not sent: of a batch that is sent in part, its share. */
  get unsentBytes(): number {
    if (this.#sentMessages === 0) return this.#unsentBytes
    const { given, bytes } = this.next
    return this.#unsentBytes - (bytes * this.#sentMessages) / given.batch.count
  }

  get all(): readonly Pending[] {
    return this.#queue
  }

  push(given: Given): void {
    const bytes = batchBytes(given.batch)
    this.#queue.push({ given, bytes })
    this.#unsentBytes += bytes
  }

  /** The batch that is sent next, from its message `#sentMessages` on. */
  get next(): Pending {
    return this.#queue[this.#sentBatches]
  }

  get nextMessage(): number {
    return this.#sentMessages
  }

  /** The next batch is sent up to its message `end`. Returns whether that is all of it. */
  sentUpTo(end: number): boolean {
    const { given, bytes } = this.next
    this.#sentMessages = end
    if (end < given.batch.count) return false
    this.#sentBatches += 1
    this.#sentMessages = 0
    this.#unsentBytes -= bytes
    return true
  }

  /** After `rewind`: so many batches from the first on need not be sent again. */
  skip(batches: number): void {
    if (batches === 0) return
    for (let i = 0; i < batches; i += 1) this.#unsentBytes -= this.#queue[i].bytes
    this.#sentMessages = 0
    this.answeredUpTo(batches, 0)
  }

  /** So many batches from the first on are answered whole, and `messages` of the one behind them. */
  answeredUpTo(batches: number, messages: number): void {
    const done = this.#queue.splice(0, batches)
    this.#answered = messages
    this.#sentBatches = Math.max(0, this.#sentBatches - batches)
    for (const { given } of done) given.resolve()
  }

  /** One more message is answered, and with it batches that have no messages. */
  answeredMessage(): void {
    this.#answered += 1
    this.settleAnswered()
  }

  /** Settles the batches at the front of which nothing is unanswered: those without messages too, once they count as sent. */
  settleAnswered(): void {
    let batches = 0
    let answered = this.#answered
    while (batches < this.#sentBatches && answered >= this.#queue[batches].given.batch.count) {
      answered -= this.#queue[batches].given.batch.count
      batches += 1
    }
    if (batches > 0) this.answeredUpTo(batches, answered)
  }

  /** Nothing behind what is answered counts as sent any more. Returns how many messages did. */
  rewind(): number {
    let messages = this.#sentMessages - this.#answered
    for (let i = 0; i < this.#sentBatches; i += 1) messages += this.#queue[i].given.batch.count
    this.#sentBatches = 0
    this.#sentMessages = this.#answered
    this.#unsentBytes = this.#queue.reduce((sum, { bytes }) => sum + bytes, 0)
    return messages
  }

  /** Everything that is left, which is then no longer here. */
  takeAll(): Given[] {
    const rest = this.#queue.map(({ given }) => given)
    this.#queue = []
    this.#answered = 0
    this.#sentBatches = 0
    this.#sentMessages = 0
    this.#unsentBytes = 0
    return rest
  }
}
