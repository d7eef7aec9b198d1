// Converts a byte stream to messages, each a JSON object on a line. Buffers only an incomplete frame and the output of one chunk.

import { systemClock } from '../common/clock.ts'
import type { FramingMode, StreamSplitter } from '../common/framing/stream-splitter.ts'
import { messageObject } from '../common/message/message-object.ts'
import { DEFAULT_PRIORITY } from '../common/message/priority.ts'
import { localZone } from '../common/message/zone.ts'
import { releaseBatch, type Batch, type Origin } from '../common/pipeline/batch.ts'
import { Gather } from '../common/pipeline/gather.ts'
import { SlabPool } from '../common/pipeline/slab.ts'
import { inputSplitter } from './input-splitter.ts'

export class MessagePrinter {
  readonly #origin: Origin
  readonly #splitter: StreamSplitter
  readonly #gather: Gather
  #text = ''

  /** `from` is the address of the peer, which is used for messages without a host. */
  constructor(framing: FramingMode, from: string | undefined, messageBytesMax: number) {
    this.#origin = {
      ...{ source: 'stdin', lines: 'syslog', zone: localZone, program: Buffer.alloc(0), priority: DEFAULT_PRIORITY },
      ...{ host: Buffer.from(from ?? ''), ...(from !== undefined && { peer: from }) },
    }
    this.#gather = new Gather(
      new SlabPool(),
      () => systemClock.now(),
      (batch) => this.#print(batch),
    )
    this.#splitter = inputSplitter(framing, this.#origin, messageBytesMax, this.#add)
  }

  /** Feeds bytes; returns the output of all messages that they complete. */
  feed(chunk: Buffer): string {
    this.#splitter.feed(chunk)
    return this.#taken()
  }

  /** Ends the stream; returns the output of what was incomplete. */
  end(): string {
    this.#splitter.flush(true)
    return this.#taken()
  }

  readonly #add = (bytes: Uint8Array, start: number, end: number, mark: number): void => {
    // Every batch is released as soon as it is printed, so there is always a slab.
    this.#gather.reserve(end - start)
    const at = this.#gather.copy(bytes, start, end)
    this.#gather.add(this.#origin, at, at + end - start, mark)
  }

  #taken(): string {
    this.#gather.flush()
    const text = this.#text
    this.#text = ''
    return text
  }

  #print(batch: Batch): void {
    for (let i = 0; i < batch.count; i += 1) {
      this.#text += `${JSON.stringify(messageObject(batch, i, this.#origin))}\n`
    }
    releaseBatch(batch)
  }
}
