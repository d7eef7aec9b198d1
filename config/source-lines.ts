// Splits bytes into lines as a source does: empty lines are skipped, and a line longer than `max_message` comes in chunks, each with the
// header of the line.

import type { Origin } from '../common/pipeline/batch.ts'
import { inputSplitter } from './input-splitter.ts'

export interface SourceLine {
  readonly bytes: Buffer
  /** Its defects so far, as a bit mask. */
  readonly mark: number
}

/** The lines of the input, without their newline. `origin` is that of the source. */
export async function* sourceLines(
  input: AsyncIterable<Buffer>,
  origin: Origin,
  messageBytesMax: number,
): AsyncGenerator<SourceLine> {
  const lines: SourceLine[] = []
  const splitter = inputSplitter('newline', origin, messageBytesMax, (bytes, start, end, mark) => {
    lines.push({ bytes: Buffer.from(bytes.subarray(start, end)), mark })
  })
  for await (const chunk of input) {
    splitter.feed(chunk)
    yield* lines.splice(0)
  }
  splitter.flush(true)
  yield* lines
}
