// Splits bytes into lines as a source does: empty lines are skipped, and a line longer than `max_message` comes in chunks, each with the
// header of the line.

import { systemClock } from '../common/clock.ts'
import { HalfFrames } from '../common/framing/half-frames.ts'
import { StreamSplitter } from '../common/framing/stream-splitter.ts'
import type { Origin } from '../common/pipeline/batch.ts'
import { newId, systemRandom } from '../common/random.ts'

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
  const frame = (bytes: Uint8Array, start: number, end: number, mark: number) =>
    void lines.push({ bytes: Buffer.from(bytes.subarray(start, end)), mark })
  const splitter = new StreamSplitter(
    {
      ...{ mode: 'newline', messageBytesMax, halfFrames: new HalfFrames(), origin },
      ...{ newId: () => newId(systemRandom), now: () => systemClock.now() },
    },
    {
      frame,
      frames(bytes, bounds, marks, count) {
        for (let i = 0; i < count; i += 1) frame(bytes, bounds[2 * i], bounds[2 * i + 1], marks[i])
      },
    },
  )
  for await (const chunk of input) {
    splitter.feed(chunk)
    yield* lines.splice(0)
  }
  splitter.flush(true)
  yield* lines
}
