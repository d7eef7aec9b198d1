// Worker thread that compresses `batch` frames. It receives the content of a frame and answers with its zstd. An empty message ends it.

import { batchCompressor } from './batch-writer.ts'
import { workerOwner } from '../worker.ts'

const compressor = batchCompressor()
const owner = workerOwner<Uint8Array, Uint8Array, undefined>()

owner.listen((content) => {
  if (content.length === 0) owner.end()
  else owner.tell(compressor.compress(content))
})
