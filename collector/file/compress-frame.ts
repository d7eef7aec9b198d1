// Compresses pieces of rotated files, off the main thread.

import { gzip } from 'node:zlib'
import type { CompressFrame } from './rotated-files.ts'
import type { RotateOptions } from './rotation.ts'

/** gzip members, made on Node's own threads. */
export const gzipFrame: CompressFrame = (bytes) =>
  new Promise((resolve, reject) => {
    gzip(bytes, (error, frame) => (error ? reject(error) : resolve(frame)))
  })

/** What compresses; undefined where nothing does yet, and rotated files stay as they are. */
export function frameCompressor(compress: RotateOptions['compress'] | undefined): CompressFrame | undefined {
  return compress === 'gzip' ? gzipFrame : undefined
}
