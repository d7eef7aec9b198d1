// Standard input, behind a seam so that a test can write to it.

import { Readable } from 'node:stream'
import { systemDisk } from './disk.ts'

const CHUNK_BYTES = 64 * 1024

/** The bytes of a stream that others write: pausable, and it ends. */
export interface ByteInput {
  /** Begins reading. `end` is the last call: `error` where reading failed. */
  start(data: (chunk: Buffer) => void, end: (error?: Error) => void): void
  /** Stops and resumes reading: the writer waits meanwhile. */
  pause(): void
  resume(): void
  /** Lets go of it: nothing is called any more. */
  close(): void
}

/** A stream of Node's as such an input. */
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
      // A pipe that breaks now is of no interest; an unheard error would end the process.
      stream.on('error', () => {})
      stream.destroy()
    },
  }
}

/**
 * What this process was given to read. For anything but a file, pipe, socket or terminal Node's `stdin` is an empty stream; so that is
 * read as a file, which gives the content of a disk, and a proper error for a folder.
 */
export function standardInputStream(): Readable {
  return process.stdin.constructor === Readable ? Readable.from(contentOf('/dev/stdin')) : process.stdin
}

/** The same as such an input. */
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
