// Compresses `batch` frames: small ones in the calling thread, large ones in a worker thread, so that the next frame
// is written while the last one is compressed. Results are delivered in the order in which frames were given.
//
// Measured: zstd takes 0.7 to 0.9 µs per message of 150 bytes, as much as everything else that a client does with it.

import { availableParallelism } from 'node:os'
import type { Fault } from '../fault.ts'
import { RELP_BATCH_BYTES, RELP_PACKING_MAX } from '../limits.ts'
import { Output } from '../message/output.ts'
import { batchCompressor } from './batch-writer.ts'
import { WorkerThread } from '../worker.ts'
import type { ZstdCompressor } from '../zstd.ts'

// A smaller frame is compressed in less time than it takes to hand it to a thread.
const INLINE_BYTES_MAX = 64 * 1024
// A frame has RELP_BATCH_BYTES and its last message; its zstd follows in the same memory.
const CONTENT_BYTES = 2.5 * RELP_BATCH_BYTES

/** A frame to be compressed by the thread. If `room` is shared memory and large enough, the result is there. */
export interface PackJob {
  readonly content: Uint8Array
  readonly room: Uint8Array
}

interface Waiting {
  readonly content: Output
  readonly done: (zstd: Uint8Array) => void
}

export class BatchPacker {
  readonly #failed: (fault: Fault) => void
  #compressor: ZstdCompressor | undefined
  #worker: WorkerThread<PackJob, Uint8Array> | undefined
  #isInline: boolean
  #waiting: Waiting[] = []
  readonly #spare: Output[] = []

  /**
   * `failed` is called when the thread has died. Then its frames are not delivered, and later frames are compressed
   * in the calling thread.
   */
  constructor(failed: (fault: Fault) => void, hasThread = availableParallelism() > 1) {
    this.#failed = failed
    this.#isInline = !hasThread
  }

  /** Whether another frame can be taken. */
  get hasRoom(): boolean {
    return this.#waiting.length < RELP_PACKING_MAX
  }

  /**
   * A buffer for a frame's content, to be passed to `pack`. It is shared memory, so that the thread reads it in place, and writes the
   * result behind it.
   */
  content(): Output {
    return this.#spare.pop() ?? new Content(Buffer.from(new SharedArrayBuffer(CONTENT_BYTES)))
  }

  /** Compresses `content` and takes over its ownership. `done` is called with the result, which is valid until `done` returns. */
  pack(content: Output, done: (zstd: Uint8Array) => void): void {
    const room = roomBehind(content)
    if (this.#waiting.length === 0 && (this.#isInline || content.length < INLINE_BYTES_MAX)) {
      this.#compressor ??= batchCompressor()
      done(this.#compressor.compressInto(room, content.written))
      this.#giveBack(content)
      return
    }
    this.#worker ??= new WorkerThread<PackJob, Uint8Array>({
      module: 'common/relp/pack-worker',
      data: undefined,
      onMessage: (zstd) => this.#packed(zstd),
      onDeath: (fault) => this.#died(fault),
    })
    this.#waiting.push({ content, done })
    this.#worker.post({ content: content.written, room })
  }

  async close(): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    this.#isInline = true
    this.#waiting = []
    await worker?.finish({ content: nothing, room: nothing })
  }

  #packed(zstd: Uint8Array): void {
    const first = this.#waiting.shift()
    if (!first) return // closed
    this.#worker?.answered()
    first.done(zstd)
    this.#giveBack(first.content)
  }

  #died(fault: Fault): void {
    this.#worker = undefined
    this.#isInline = true
    this.#waiting = []
    this.#failed(fault)
  }

  #giveBack(content: Output): void {
    if (this.#spare.length >= RELP_PACKING_MAX) return
    content.clear()
    this.#spare.push(content)
  }
}

// Memory that it grew to for a huge message is not kept, the shared memory is: V8 does not count that when it decides when to collect
// garbage, and a client that sent lines of 700 KB took half a GB of it.
class Content extends Output {
  readonly #shared: Buffer

  constructor(shared: Buffer) {
    super(shared)
    this.#shared = shared
  }

  override clear(): void {
    this.use(this.#shared)
  }
}

const nothing = new Uint8Array(0)

/** The memory behind the content; none if it is not shared, because the thread would get a copy of it. */
function roomBehind({ bytes, length }: Output): Uint8Array {
  return bytes.buffer instanceof SharedArrayBuffer ? bytes.subarray(length) : nothing
}
