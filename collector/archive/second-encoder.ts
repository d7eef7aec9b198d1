// A second thread for large commits: it makes some of their blocks while the archive's own thread makes the others, or waits for
// the disk. Blocks are independent of each other; a commit stays one.
//
//   archive-worker    piece 1 │ piece 4 │ commit │ piece 1 …
//   archive-encoder   piece 2 │ piece 3 │ piece 5 │ piece 2 …        has always one more before it, so that it does not wait
//
// Begun with the first commit that is large enough, so that a quiet archive has one thread. What it could not do is done by
// the archive's own.

import { WorkerThread } from '../../common/worker.ts'
import type { OriginData, WriteData } from './archive-protocol.ts'
import type { BatchReader } from './batch-reader.ts'
import type { EncodedBlock } from './block-builder.ts'
import type { Encoded } from './encode-writes.ts'
import type { Piece } from './pieces.ts'

/** What the thread is given. */
export interface EncoderJob {
  readonly kind: 'encode'
  readonly origins: ReadonlyMap<number, OriginData>
  readonly writes: readonly { readonly data: WriteData; readonly skipped: Uint8Array | undefined }[]
}

export type ToEncoder = EncoderJob | { readonly kind: 'stop' }

/** What comes of a job; undefined where it failed. */
export type FromEncoder = Encoded | undefined

const PIECES_MAX = 2

export class SecondEncoder {
  readonly #batches: BatchReader
  readonly #onAnswer: () => void
  readonly #given: Piece[] = []
  #worker: WorkerThread<ToEncoder, FromEncoder> | undefined
  #isOver = false

  /** `onAnswer` is called when a piece has come back, encoded or not. */
  constructor(batches: BatchReader, onAnswer: () => void) {
    this.#batches = batches
    this.#onAnswer = onAnswer
  }

  /** Whether it could have a piece more. */
  get hasRoom(): boolean {
    return this.#given.length < PIECES_MAX && !this.#isOver
  }

  give(piece: Piece): void {
    const origins = new Map<number, OriginData>()
    const writes = piece.writes.map(({ data, skipped }) => {
      const told = this.#batches.told(data!)
      data!.runs.forEach(({ origin }, i) => origins.set(origin, told[i]))
      return { data: data!, skipped }
    })
    piece.isGiven = true
    this.#given.push(piece)
    this.#worker ??= new WorkerThread<ToEncoder, FromEncoder>({
      module: 'collector/archive/archive-encoder',
      data: undefined,
      onMessage: (encoded) => this.#heard(encoded),
      onDeath: () => this.#died(),
    })
    this.#worker.post({ kind: 'encode', origins, writes })
  }

  /** Ends the thread: what it is in the middle of is finished first. */
  async finish(): Promise<void> {
    this.#isOver = true
    await this.#worker?.finish({ kind: 'stop' })
  }

  #heard(encoded: FromEncoder): void {
    this.#worker?.answered()
    const piece = this.#given.shift()!
    piece.isGiven = false
    // A piece that failed is one for the archive's own thread, whose failures are known.
    if (encoded) piece.encoded = { ...encoded, blocks: encoded.blocks.map(withBuffers) }
    else this.#isOver = true
    this.#onAnswer()
  }

  #died(): void {
    this.#worker = undefined
    this.#isOver = true
    for (const piece of this.#given.splice(0)) piece.isGiven = false
    this.#onAnswer()
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
