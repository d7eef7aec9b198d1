// Encodes writes into blocks.

import { ARCHIVE_BLOCK_BYTES, ARCHIVE_LARGE_BYTES } from '../../common/limits.ts'
import { batchBytes, batchWeight, type Batch } from '../../common/pipeline/batch.ts'
import { addBatch } from './batch-rows.ts'
import type { BlockBuilder, EncodedBlock } from './block-builder.ts'
import { encodeRawBlock, rawBlockOf, type RawBlock } from './raw-block.ts'

/** A batch to be stored. `fresh` has a 0 for each message that is stored already; undefined if none is. */
export interface FreshWrite {
  readonly id: number
  readonly batch: Batch
  readonly fresh: Uint8Array | undefined
}

export interface Encoded {
  readonly blocks: readonly EncodedBlock[]
  /** By write id, only for writes that have defects: one bit mask per message. */
  readonly defects: ReadonlyMap<number, Uint32Array>
  /** The source of the only block, if it is stored as it came. */
  readonly raw?: RawBlock | undefined
}

/** Encodes the writes of a commit: as they came if there is less than half a block, else in columns. */
export function encodeCommit(writes: readonly FreshWrite[], builder: BlockBuilder): Encoded {
  const weight = writes.reduce((sum, { batch }) => sum + batchWeight(batch), 0)
  if (weight >= ARCHIVE_LARGE_BYTES) return encodeWrites(writes, builder)
  const { block: raw, defects } = rawBlockOf(writes)
  return { blocks: raw ? [encodeRawBlock(raw)] : [], defects, raw }
}

/** Encodes writes in columns. */
export function encodeWrites(writes: readonly FreshWrite[], builder: BlockBuilder): Encoded {
  const blocks: EncodedBlock[] = []
  const defects = new Map<number, Uint32Array>()
  builder.bytesWanted = evenBlocks(writes)
  builder.clear()
  const finish = () => void blocks.push(builder.finish())
  for (const { id, batch, fresh } of writes) {
    const found = addBatch(batch, fresh, builder, finish)
    if (found) defects.set(id, found)
  }
  if (builder.count > 0) finish()
  return { blocks, defects }
}

/** The block size, near ARCHIVE_BLOCK_BYTES, that divides a large commit evenly, so that no small block is left at its end. */
function evenBlocks(writes: readonly FreshWrite[]): number {
  const bytes = writes.reduce((sum, { batch }) => sum + batchBytes(batch), 0)
  return Math.max(1, Math.ceil(bytes / Math.max(1, Math.round(bytes / ARCHIVE_BLOCK_BYTES))))
}
