// The thread that compresses `batch` frames: a frame's content in, its zstd out. An empty one is the last.

import { BATCH_LEVEL } from './batch-writer.ts'
import { workerOwner } from '../worker.ts'
import { zstdCompressor } from '../zstd.ts'

const compressor = zstdCompressor(BATCH_LEVEL)
const owner = workerOwner<Uint8Array, Uint8Array, undefined>()

owner.listen((content) => {
  if (content.length === 0) owner.end()
  else owner.tell(compressor.compress(content))
})
