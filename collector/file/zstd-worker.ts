// The thread that compresses rotated files: a piece in, a frame out.

import { answerEach } from '../../common/worker.ts'
import { zstdCompressor } from '../../common/zstd.ts'

const LEVEL = 3
const compressor = zstdCompressor(LEVEL)

answerEach((bytes) => compressor.compress(bytes as Uint8Array))
