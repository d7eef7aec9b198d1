// Compresses chunks of rotated files, off the main thread.

import { gzip } from 'node:zlib'
import { WorkerThread } from '../../common/worker.ts'
import type { CompressFrame } from './rotated-files.ts'
import type { RotateOptions } from './rotation.ts'

/** Compresses to a gzip member, on the thread pool of Node. */
export const gzipFrame: CompressFrame = (bytes) =>
  new Promise((resolve, reject) => {
    gzip(bytes, (error, frame) => (error ? reject(error) : resolve(frame)))
  })

/**
 * Compresses to a zstd frame, in a new worker thread for each: starting the thread takes about as long as compressing the frame, and a
 * daemon that compresses once a day should not keep a thread for it.
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

/** The compressor for `compress:`; undefined for `none`. */
export function frameCompressor(compress: RotateOptions['compress'] | undefined): CompressFrame | undefined {
  if (compress === 'zstd') return zstdFrame
  return compress === 'gzip' ? gzipFrame : undefined
}
