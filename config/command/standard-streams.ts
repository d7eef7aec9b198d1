// Reads standard input as lines of bytes, and writes to standard output, which can be full or closed.

import { errnoOf, reasonOf } from '../../common/fault.ts'
import { standardInputStream } from '../../common/standard-input.ts'

const EXIT_OK = 0
const EXIT_CANNOT = 2

/** Writes to stdout; resolves when there is room for more. Ends the process if writing fails. */
export function writeOut(text: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(text, (error) => {
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

/** Splits the input into lines without their newline (LF or CRLF). Lines longer than `bytesMax` are split into pieces. */
export async function* readLines(input: AsyncIterable<Buffer>, bytesMax: number): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0)
  for await (const chunk of input) {
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      yield* pieces(withoutReturn(Buffer.concat([rest, chunk.subarray(start, end)])), bytesMax)
      rest = Buffer.alloc(0)
      start = end + 1
    }
    rest = Buffer.concat([rest, chunk.subarray(start)])
    // One byte more may be the CR of the newline.
    for (; rest.length > bytesMax + 1; rest = rest.subarray(bytesMax)) yield rest.subarray(0, bytesMax)
  }
  if (rest.length > 0) yield* pieces(withoutReturn(rest), bytesMax)
}

function* pieces(line: Buffer, bytesMax: number): Generator<Buffer> {
  for (; line.length > bytesMax; line = line.subarray(bytesMax)) yield line.subarray(0, bytesMax)
  yield line
}

const withoutReturn = (line: Buffer) => (line.at(-1) === 13 ? line.subarray(0, -1) : line)
