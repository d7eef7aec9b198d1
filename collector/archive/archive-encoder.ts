// The code of the second encoding thread (`second-encoder.ts`).

import { workerOwner } from '../../common/worker.ts'
import { BatchReader } from './batch-reader.ts'
import { BlockBuilder } from './block-builder.ts'
import { encodeWrites } from './encode-writes.ts'
import type { EncoderJob, FromEncoder, ToEncoder } from './second-encoder.ts'

const { tell, listen, end } = workerOwner<ToEncoder, FromEncoder, undefined>()
const builder = new BlockBuilder()

listen((message) => {
  if (message.kind === 'stop') end()
  else tell(encode(message))
})

function encode({ origins, writes }: EncoderJob): FromEncoder {
  const batches = new BatchReader()
  for (const [number, origin] of origins) batches.define({ number, first: false, origin })
  try {
    return encodeWrites(
      writes.map(({ data, fresh }) => ({ id: data.id, batch: batches.read(data), fresh })),
      builder,
    )
  } catch {
    return undefined
  }
}
