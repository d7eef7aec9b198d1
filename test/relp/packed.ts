// A batch of one run as the data of a `batch` command.

import { Output } from '../../common/message/output.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import { BATCH_LEVEL, batchData, BatchWriter, type RunPart } from '../../common/relp/batch-writer.ts'
import { zstdCompressor } from '../../common/zstd.ts'

/** Messages `[first, end)` of the batch. */
export function pack(batch: Batch, first = 0, end = batch.count): Buffer {
  const content = new Output()
  for (let i = first; i < end; i += 1) {
    content.text(`${batch.bounds[2 * i + 1] - batch.bounds[2 * i]} `)
    content.raw(batch.slab, batch.bounds[2 * i], batch.bounds[2 * i + 1])
  }
  const [run] = batch.runs
  const { received, bounds, marks } = batch
  const part: RunPart = { run, first, end, received, stream: run.stream, bounds, marks, at: 0 }
  const messageBytes = content.length
  new BatchWriter(true).addFacts(content, [part])
  return batchData(zstdCompressor(BATCH_LEVEL).compress(content.written), content.length, messageBytes)
}
