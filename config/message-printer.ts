// Converts a byte stream to messages, each a JSON object on a line. Buffers only an incomplete frame and the output of one chunk.

import { systemClock } from '../common/clock.ts'
import { HalfFrames } from '../common/framing/half-frames.ts'
import { StreamSplitter, type FrameOutput, type FramingMode } from '../common/framing/stream-splitter.ts'
import { messageObject } from '../common/message/message-object.ts'
import { DEFAULT_PRIORITY } from '../common/message/priority.ts'
import { localZone } from '../common/message/zone.ts'
import { releaseBatch, type Batch, type Origin } from '../common/pipeline/batch.ts'
import { Gather } from '../common/pipeline/gather.ts'
import { SlabPool } from '../common/pipeline/slab.ts'
import { newId, systemRandom } from '../common/random.ts'

export class MessagePrinter implements FrameOutput {
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
    const now = () => systemClock.now()
    this.#gather = new Gather(new SlabPool(), now, (batch) => this.#print(batch))
    const splitterOptions = {
      ...{ mode: framing, messageBytesMax, halfFrames: new HalfFrames(), origin: this.#origin },
      ...{ newId: () => newId(systemRandom), now },
    }
    this.#splitter = new StreamSplitter(splitterOptions, this)
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

  frame(bytes: Uint8Array, start: number, end: number, mark: number): void {
    // Every batch is released as soon as it is printed, so there is always a slab.
    this.#gather.reserve(end - start)
    const at = this.#gather.copy(bytes, start, end)
    this.#gather.add(this.#origin, at, at + end - start, mark)
  }

  frames(bytes: Uint8Array, bounds: Uint32Array, marks: Uint32Array, count: number): void {
    for (let i = 0; i < count; i += 1) this.frame(bytes, bounds[2 * i], bounds[2 * i + 1], marks[i])
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
