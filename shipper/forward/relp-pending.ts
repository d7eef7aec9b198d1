// The batches of a RELP lane that are not settled, in order, with two positions: everything before the first is answered, and
// everything before the second is sent.
//
//   │ batch │ batch │ batch │ batch │ batch │
//       ▲ answered         ▲ sent
//
// A position is a batch and a number of its messages, so a batch may be spread over several frames, and a frame may hold several
// batches. After the connection is lost, everything after `answered` is sent again.

import { batchBytes } from '../../common/pipeline/batch.ts'
import type { Given } from './lane.ts'

/** A batch that is not settled. */
export interface Pending {
  readonly given: Given
  /** Bytes of its messages. */
  readonly bytes: number
}

export class RelpPending {
  #queue: Pending[] = []
  /** Number of messages of the first batch that are answered. */
  #answered = 0
  /** Number of batches that are sent completely, and of messages of the one after them. */
  #sentBatches = 0
  #sentMessages = 0
  #unsentBytes = 0

  /** Number of answered messages of the first batch, which is not answered completely. */
  get answered(): number {
    return this.#answered
  }

  /** Whether any batch is not sent completely. */
  get hasUnsent(): boolean {
    return this.#sentBatches < this.#queue.length
  }

  /** About how many bytes of messages are not sent; a batch that is sent in part counts in proportion. */
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

  /** The batch that is sent next, from its message `nextMessage` on. */
  get next(): Pending {
    return this.#queue[this.#sentBatches]
  }

  get nextMessage(): number {
    return this.#sentMessages
  }

  /** Notes that the next batch is sent up to its message `end`, exclusive. Returns whether that is all of it. */
  sentUpTo(end: number): boolean {
    const { given, bytes } = this.next
    this.#sentMessages = end
    if (end < given.batch.count) return false
    this.#sentBatches += 1
    this.#sentMessages = 0
    this.#unsentBytes -= bytes
    return true
  }

  /**
   * After `rewind`: settles this many batches from the first on, which need not be sent again. Returns how many of their messages were
   * not answered.
   */
  skip(batches: number): number {
    if (batches === 0) return 0
    let messages = -this.#answered
    for (const { given, bytes } of this.#queue.slice(0, batches)) {
      this.#unsentBytes -= bytes
      messages += given.batch.count
    }
    this.#sentMessages = 0
    this.answeredUpTo(batches, 0)
    return messages
  }

  /** Notes that this many batches are answered completely, and `messages` of the one after them. Settles those batches. */
  answeredUpTo(batches: number, messages: number): void {
    const done = this.#queue.splice(0, batches)
    this.#answered = messages
    this.#sentBatches = Math.max(0, this.#sentBatches - batches)
    for (const { given } of done) given.resolve()
  }

  /** Notes that one more message is answered. */
  answeredMessage(): void {
    this.#answered += 1
    this.settleAnswered()
  }

  /** Settles the batches at the front that are sent and have no unanswered message, such as those without messages. */
  settleAnswered(): void {
    let batches = 0
    let answered = this.#answered
    while (batches < this.#sentBatches && answered >= this.#queue[batches].given.batch.count) {
      answered -= this.#queue[batches].given.batch.count
      batches += 1
    }
    if (batches > 0) this.answeredUpTo(batches, answered)
  }

  /** Everything that is not answered counts as unsent again. Returns how many messages had been sent and not answered. */
  rewind(): number {
    let messages = this.#sentMessages - this.#answered
    for (let i = 0; i < this.#sentBatches; i += 1) messages += this.#queue[i].given.batch.count
    this.#sentBatches = 0
    this.#sentMessages = this.#answered
    this.#unsentBytes = this.#queue.reduce((sum, { bytes }) => sum + bytes, 0)
    return messages
  }

  /** Removes and returns all batches. */
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
