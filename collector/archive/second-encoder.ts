// A second thread that encodes some of the blocks of a large commit while the archive's own thread encodes the others or waits
// for the disk. That is possible because blocks are independent of each other. All blocks of a commit are still stored in one
// transaction.
//
//   archive-worker    piece 1 │ piece 4 │ commit │ piece 1 …
//   archive-encoder   piece 2 │ piece 3 │ piece 5 │ piece 2 …        the next piece is already queued, so that it never waits
//
// The thread is started at the first commit that is large enough, so that a quiet archive has only one. A piece that it fails
// to encode is encoded by the archive's own thread.

import type { Fault } from '../../common/fault.ts'
import { WorkerThread } from '../../common/worker.ts'
import type { OriginData, WriteData } from './archive-protocol.ts'
import type { BatchReader } from './batch-reader.ts'
import type { EncodedBlock } from './block-builder.ts'
import type { Encoded } from './encode-writes.ts'
import type { Report } from './future-parts.ts'
import type { Piece } from './pieces.ts'

/** The writes of a piece, and the origins that they refer to, by number. */
export interface EncoderJob {
  readonly kind: 'encode'
  readonly origins: ReadonlyMap<number, OriginData>
  readonly writes: readonly { readonly data: WriteData; readonly fresh: Uint8Array | undefined }[]
}

export type ToEncoder = EncoderJob | { readonly kind: 'stop' }

/** The result of a job; undefined if it failed. */
export type FromEncoder = Encoded | undefined

const PIECES_MAX = 2

export class SecondEncoder {
  readonly #batches: BatchReader
  readonly #onAnswer: () => void
  readonly #report: Report
  readonly #given: Piece[] = []
  #worker: WorkerThread<ToEncoder, FromEncoder> | undefined
  #isOver = false

  /** `onAnswer` is called when a piece has come back, encoded or not. */
  constructor(batches: BatchReader, onAnswer: () => void, report: Report) {
    this.#batches = batches
    this.#onAnswer = onAnswer
    this.#report = report
  }

  /** Whether it takes another piece. */
  get hasRoom(): boolean {
    return this.#given.length < PIECES_MAX && !this.#isOver
  }

  /** Posts a piece to the thread, which is started if necessary. */
  give(piece: Piece): void {
    const origins = new Map<number, OriginData>()
    const writes = piece.writes.map(({ data, fresh }) => {
      const known = this.#batches.originsOf(data!)
      data!.runs.forEach(({ origin }, i) => origins.set(origin, known[i]))
      return { data: data!, fresh }
    })
    piece.isGiven = true
    this.#given.push(piece)
    this.#worker ??= new WorkerThread<ToEncoder, FromEncoder>({
      module: 'collector/archive/archive-encoder',
      data: undefined,
      onMessage: (encoded) => this.#heard(encoded),
      onDeath: (fault) => this.#died(fault),
    })
    this.#worker.post({ kind: 'encode', origins, writes })
  }

  /** Ends the thread after the pieces that it has. */
  async finish(): Promise<void> {
    this.#isOver = true
    await this.#worker?.finish({ kind: 'stop' })
  }

  #heard(encoded: FromEncoder): void {
    this.#worker?.answered()
    const piece = this.#given.shift()!
    piece.isGiven = false
    // A piece that failed is encoded again by the archive's own thread, where an error is reported. No more pieces are given away.
    if (encoded) piece.encoded = { ...encoded, blocks: encoded.blocks.map(withBuffers) }
    else this.#isOver = true
    this.#onAnswer()
  }

  #died({ code, detail }: Fault): void {
    this.#worker = undefined
    this.#isOver = true
    this.#report('the second thread of the archive has ended; going on with one, which is slower', {
      code,
      reason: detail,
    })
    for (const piece of this.#given.splice(0)) piece.isGiven = false
    this.#onAnswer()
  }
}

// A Buffer arrives in another thread as a plain Uint8Array.
function withBuffers(block: EncodedBlock): EncodedBlock {
  const buffer = ({ buffer, byteOffset, length }: Uint8Array) => Buffer.from(buffer, byteOffset, length)
  const { hosts, programs, grams, fields, texts, ...rest } = block
  return {
    ...rest,
    ...{ hosts: buffer(hosts), programs: buffer(programs), grams: buffer(grams) },
    ...{ fields: buffer(fields), texts: buffer(texts) },
  }
}
