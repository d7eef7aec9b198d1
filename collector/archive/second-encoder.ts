// A second thread for large commits: it makes the blocks of the later half while the archive's own thread makes those of the
// first, and then waits. Blocks are independent of each other; the commit stays one.
//
//   archive-worker  ─ repeats ─┬─ blocks of the first half ──┬─ one transaction
//   archive-encoder            └─ blocks of the second half ─┘
//
// Begun with the first commit that is large enough, so that a quiet archive has one thread.

import { AwaitedWorker } from '../../common/worker.ts'
import type { OriginData, WriteData } from './archive-protocol.ts'
import type { BatchReader } from './batch-reader.ts'
import type { EncodedBlock } from './block-builder.ts'
import type { Encoded } from './encode-writes.ts'

/** What the thread is given. */
export interface EncoderJob {
  readonly origins: ReadonlyMap<number, OriginData>
  readonly writes: readonly { readonly data: WriteData; readonly skipped: Uint8Array | undefined }[]
}

export class SecondEncoder {
  readonly #batches: BatchReader
  #worker: AwaitedWorker<EncoderJob, Encoded> | undefined

  constructor(batches: BatchReader) {
    this.#batches = batches
  }

  begin(writes: EncoderJob['writes']): void {
    const origins = new Map<number, OriginData>()
    for (const { data } of writes) {
      const told = this.#batches.told(data)
      data.runs.forEach(({ origin }, i) => origins.set(origin, told[i]))
    }
    this.#worker ??= new AwaitedWorker('collector/archive/archive-encoder')
    this.#worker.ask({ origins, writes })
  }

  /** What came of it; waits for it. Throws where the thread has died. */
  take(): Encoded {
    const { blocks, defects } = this.#worker!.answer()
    return { blocks: blocks.map(withBuffers), defects }
  }
}

// On their way between threads buffers become plain arrays of bytes.
function withBuffers(block: EncodedBlock): EncodedBlock {
  const buffer = ({ buffer, byteOffset, length }: Uint8Array) => Buffer.from(buffer, byteOffset, length)
  const { hosts, programs, grams, fields, texts, ...rest } = block
  return {
    ...rest,
    ...{ hosts: buffer(hosts), programs: buffer(programs), grams: buffer(grams) },
    ...{ fields: buffer(fields), texts: buffer(texts) },
  }
}
