// The second thread of a busy archive (`second-encoder.ts`).

import { answerAwaited } from '../../common/worker.ts'
import { BatchReader } from './batch-reader.ts'
import { BlockBuilder } from './block-builder.ts'
import { encodeWrites, type Encoded } from './encode-writes.ts'
import type { EncoderJob } from './second-encoder.ts'

const builder = new BlockBuilder()

answerAwaited((job): Encoded => {
  const { origins, writes } = job as EncoderJob
  const batches = new BatchReader()
  for (const [number, origin] of origins) batches.tell({ number, first: false, origin })
  return encodeWrites(
    writes.map(({ data, skipped }) => ({ id: data.id, batch: batches.read(data), skipped })),
    builder,
  )
})
