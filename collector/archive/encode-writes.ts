// Writes into blocks.

import { ARCHIVE_BLOCK_BYTES, ARCHIVE_LARGE_BYTES } from '../../common/limits.ts'
import { batchBytes, batchWeight, type Batch } from '../../common/pipeline/batch.ts'
import { addBatch } from './batch-rows.ts'
import type { BlockBuilder, EncodedBlock } from './block-builder.ts'
import { encodeRawBlock, rawBlockOf, type RawBlock } from './raw-block.ts'

/** A batch, and 1 for each of its messages that is stored already. */
export interface FreshWrite {
  readonly id: number
  readonly batch: Batch
  readonly skipped: Uint8Array | undefined
}

export interface Encoded {
  readonly blocks: readonly EncodedBlock[]
  /** By id, for writes with defects: a bit mask for each message. */
  readonly defects: ReadonlyMap<number, Uint32Array>
  /** What the one block is made of, where it will be merged. */
  readonly raw?: RawBlock | undefined
}

/** Encodes the writes of a small commit as they came, of a larger one in columns. */
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
  for (const { id, batch, skipped } of writes) {
    const found = addBatch(batch, skipped, builder, finish)
    if (found) defects.set(id, found)
  }
  if (builder.count > 0) finish()
  return { blocks, defects }
}

/** Blocks of about the wanted size and all alike, so that no small one is left at the end of a large commit. */
function evenBlocks(writes: readonly FreshWrite[]): number {
  const bytes = writes.reduce((sum, { batch }) => sum + batchBytes(batch), 0)
  return Math.max(1, Math.ceil(bytes / Math.max(1, Math.round(bytes / ARCHIVE_BLOCK_BYTES))))
}
