// Worker thread that compresses `batch` frames. It receives the content of a frame, and room for the result in the same memory, and
// answers with the zstd. Empty content ends it.

import type { PackJob } from './batch-packer.ts'
import { batchCompressor } from './batch-writer.ts'
import { workerOwner } from '../worker.ts'

const compressor = batchCompressor()
const owner = workerOwner<PackJob, Uint8Array, undefined>()

owner.listen(({ content, room }) => {
  if (content.length === 0) owner.end()
  else owner.tell(compressor.compressInto(room, content))
})
