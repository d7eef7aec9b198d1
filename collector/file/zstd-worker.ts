// The worker thread that compresses rotated files: it answers each chunk with a frame.

import { answerEach } from '../../common/worker.ts'
import { zstdCompressor } from '../../common/zstd.ts'

const LEVEL = 3
const compressor = zstdCompressor(LEVEL)

answerEach((bytes) => compressor.compress(bytes as Uint8Array))
