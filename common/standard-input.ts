// Standard input, behind a seam so that a test can write to it.

import type { Readable } from 'node:stream'

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

/** What this process was given to read. */
export const standardInput = (): ByteInput => byteInput(process.stdin)
