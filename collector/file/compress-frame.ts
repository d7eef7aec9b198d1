// Compresses pieces of rotated files, off the main thread.

import { gzip } from 'node:zlib'
import type { CompressFrame } from './rotated-files.ts'

/** gzip members, made on Node's own threads. */
export const gzipFrame: CompressFrame = (bytes) =>
  new Promise((resolve, reject) => {
    gzip(bytes, (error, frame) => (error ? reject(error) : resolve(frame)))
  })
