// Standard input, behind an interface so that a test can write to it.

import { Readable } from 'node:stream'
import { systemDisk } from './disk.ts'

const CHUNK_BYTES = 64 * 1024

/** A byte stream that can be paused, and that ends. */
export interface ByteInput {
  /** Starts reading. `end` is called last, with `error` if reading failed. */
  start(data: (chunk: Buffer) => void, end: (error?: Error) => void): void
  /** Stops reading until `resume`: the writer waits meanwhile. */
  pause(): void
  resume(): void
  /** Closes the stream: nothing is called afterwards. */
  close(): void
}

/** A Node.js stream as a `ByteInput`. */
export function byteInput(stream: Readable): ByteInput {
  return {
    start(data, end) {
      stream.on('data', data)
      stream.once('end', () => end())
      stream.once('error', end)
    },
    pause: () => void stream.pause(),
    resume: () => void stream.resume(),
    close() {
      stream.removeAllListeners('data')
      stream.removeAllListeners('end')
      // Errors after closing are of no interest, but without a listener they would end the process.
      stream.on('error', () => {})
      stream.destroy()
    },
  }
}

/**
 * Standard input as a stream. For anything but a file, pipe, socket or terminal, Node's `process.stdin` is an empty
 * stream. It is then opened as a file instead, which yields the content of a disk, and a proper error for a folder.
 */
export function standardInputStream(): Readable {
  return process.stdin.constructor === Readable ? Readable.from(contentOf('/dev/stdin')) : process.stdin
}

/** Standard input as a `ByteInput`. */
export const standardInput = (): ByteInput => byteInput(standardInputStream())

async function* contentOf(path: string): AsyncGenerator<Buffer> {
  const file = await systemDisk.open(path, 'read')
  try {
    for (let at = 0; ;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
      const bytes = await file.read(chunk, 0, chunk.length, at)
      if (bytes === 0) return
      yield chunk.subarray(0, bytes)
      at += bytes
    }
  } finally {
    await file.close()
  }
}
