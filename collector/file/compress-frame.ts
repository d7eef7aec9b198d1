// Compresses pieces of rotated files, off the main thread.

import { gzip } from 'node:zlib'
import { WorkerThread } from '../../common/worker.ts'
import type { CompressFrame } from './rotated-files.ts'
import type { RotateOptions } from './rotation.ts'

/** gzip members, made on Node's own threads. */
export const gzipFrame: CompressFrame = (bytes) =>
  new Promise((resolve, reject) => {
    gzip(bytes, (error, frame) => (error ? reject(error) : resolve(frame)))
  })

/**
 * zstd frames, each made in a worker thread of its own: starting one takes about as long as its frame, and a daemon that
 * compresses once a day should not keep one.
 */
const zstdFrame: CompressFrame = (bytes) =>
  new Promise((resolve, reject) => {
    const worker = new WorkerThread<Uint8Array, Uint8Array>({
      module: 'collector/file/zstd-worker',
      data: undefined,
      onMessage: (frame) => {
        worker.answered()
        worker.stop().then(() => resolve(Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)), reject)
      },
      onDeath: reject,
    })
    worker.post(bytes)
  })

/** What compresses; undefined where nothing is to be. */
export function frameCompressor(compress: RotateOptions['compress'] | undefined): CompressFrame | undefined {
  if (compress === 'zstd') return zstdFrame
  return compress === 'gzip' ? gzipFrame : undefined
}
