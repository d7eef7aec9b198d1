// Encodes a batch as the data of a `batch` command.

import { Output } from '../../common/message/output.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import { AS_LINES, COUNTED } from '../../common/relp/batch-messages.ts'
import { batchCompressor, addFacts, batchData, type RunPart } from '../../common/relp/batch-writer.ts'

/** Encodes messages `[first, end)` of the batch: as lines if none contains a LF, else counted. */
export function pack(batch: Batch, first = 0, end = batch.count): Buffer {
  const content = new Output()
  const lengthOf = (i: number) => batch.bounds[2 * i + 1] - batch.bounds[2 * i]
  const texts = Array.from({ length: end - first }, (_, i) => textAt(batch, first + i))
  const asLines = texts.every((text) => !text.includes(10))
  for (let i = first; i < end; i += 1) {
    if (!asLines) content.text(`${lengthOf(i)} `)
    content.raw(batch.slab, batch.bounds[2 * i], batch.bounds[2 * i + 1])
    if (asLines) content.text('\n')
  }
  const parts: RunPart[] = []
  let at = 0
  for (const run of batch.runs) {
    const part = { batch, run, first: Math.max(0, first - at), end: Math.min(run.count, end - at) }
    if (part.end > part.first || batch.runs.length === 1) parts.push({ ...part, stream: run.stream, at })
    at += run.count
  }
  const messageBytes = content.length
  addFacts(content, parts, true)
  const zstd = batchCompressor().compress(content.written)
  return Buffer.concat(batchData(zstd, asLines ? AS_LINES : COUNTED, content.length, messageBytes))
}

const textAt = ({ slab, bounds }: Batch, i: number) => slab.bytes.subarray(bounds[2 * i], bounds[2 * i + 1])
