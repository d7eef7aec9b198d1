// The thread that compresses `batch` frames: a frame's content in, its zstd out. An empty one is the last.

import { batchCompressor } from './batch-writer.ts'
import { workerOwner } from '../worker.ts'

const compressor = batchCompressor()
const owner = workerOwner<Uint8Array, Uint8Array, undefined>()

owner.listen((content) => {
  if (content.length === 0) owner.end()
  else owner.tell(compressor.compress(content))
})
