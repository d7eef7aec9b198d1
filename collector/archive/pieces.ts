// The parts of a commit, each of which one thread encodes: about a block, so that the one that is quicker does more.

import { ARCHIVE_BLOCK_BYTES, ARCHIVE_SHARE_BYTES } from '../../common/limits.ts'
import { batchBytes } from '../../common/pipeline/batch.ts'
import type { WriteData } from './archive-protocol.ts'
import type { Encoded, FreshWrite } from './encode-writes.ts'

/** `data` as it came, for another thread. */
export type GivenWrite = FreshWrite & { readonly data: WriteData | undefined }

export interface Piece {
  readonly writes: readonly GivenWrite[]
  /** Whether the other thread may have it. */
  readonly isShared: boolean
  /** Whether the other thread has it. */
  isGiven: boolean
  encoded: Encoded | undefined
}

/** Pieces alike in size, and one where there is little. */
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
