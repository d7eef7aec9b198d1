// Reads standard input, and writes to standard output, which can be full or closed.

import { isatty } from 'node:tty'
import { shownLines } from '../../collector/search/shown-bytes.ts'
import { errnoOf, reasonOf } from '../../common/fault.ts'
import { standardInputStream } from '../../common/standard-input.ts'

const STDOUT = 1
const EXIT_OK = 0
const EXIT_CANNOT = 2

/**
 * Writes whole lines to stdout; resolves when there is room for more. Ends the process if writing fails. On a terminal control characters are
 * escaped, since a message must not rewrite the screen.
 */
export function writeOut(text: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(isatty(STDOUT) ? shownLines(Buffer.from(text)) : text, (error) => {
      if (error) endWithoutOutput(error)
      else resolve()
    })
  })
}

/** Ends a command that cannot write its output, as grep does: with status 0 if the reader has gone (`| head`), else with a message. */
export function endWithoutOutput(error: Error): never {
  if (errnoOf(error) === 'EPIPE') process.exit(EXIT_OK)
  process.stderr.write(`sluice: standard output: ${reasonOf(error)}\n`)
  process.exit(EXIT_CANNOT)
}

/** Standard input in chunks. Ends the process with a message if it cannot be read. */
export async function* readIn(): AsyncGenerator<Buffer> {
  try {
    yield* standardInputStream() as AsyncIterable<Buffer>
  } catch (error) {
    if (errnoOf(error) === undefined) throw error
    process.stderr.write(`sluice: standard input: ${reasonOf(error)}\n`)
    process.exit(EXIT_CANNOT)
  }
}
