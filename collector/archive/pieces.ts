// Cuts a large commit into pieces of about a block, each of which is encoded by one thread. Each thread takes the next piece when
// it is free, so that the faster one does more.

import { ARCHIVE_BLOCK_BYTES, ARCHIVE_SHARE_BYTES } from '../../common/limits.ts'
import { batchBytes } from '../../common/pipeline/batch.ts'
import type { WriteData } from './archive-protocol.ts'
import type { Encoded, FreshWrite } from './encode-writes.ts'

/** A write with the message in which it was posted (`data`), which can be posted on to the second thread. */
export type GivenWrite = FreshWrite & { readonly data: WriteData | undefined }

export interface Piece {
  readonly writes: readonly GivenWrite[]
  /** Whether the second thread may encode it. */
  readonly isShared: boolean
  /** Whether the second thread is encoding it. */
  isGiven: boolean
  encoded: Encoded | undefined
}

/** Cuts writes into pieces of about equal size; below ARCHIVE_SHARE_BYTES into a single one. */
export function piecesOf(writes: readonly GivenWrite[]): Piece[] {
  const bytes = writes.map(({ batch }) => batchBytes(batch))
  const all = bytes.reduce((sum, each) => sum + each, 0)
  const isShared = all >= ARCHIVE_SHARE_BYTES
  const wanted = isShared ? all / Math.round(all / ARCHIVE_BLOCK_BYTES) : Infinity
  const pieces: Piece[] = []
  let from = 0
  let before = 0
  writes.forEach((_, i) => {
    before += bytes[i]
    if (i + 1 < writes.length && before < wanted * (pieces.length + 1)) return
    pieces.push({ writes: writes.slice(from, i + 1), isShared, isGiven: false, encoded: undefined })
    from = i + 1
  })
  return pieces
}
