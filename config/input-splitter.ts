// The splitter of what a command reads from standard input.

import { systemClock } from '../common/clock.ts'
import { HalfFrames } from '../common/framing/half-frames.ts'
import { StreamSplitter, type FrameOutput, type FramingMode } from '../common/framing/stream-splitter.ts'
import type { Origin } from '../common/pipeline/batch.ts'
import { newId, systemRandom } from '../common/random.ts'

/** Creates a splitter that calls `frame` for each message, in order. `origin` is that of the messages. */
export function inputSplitter(
  mode: FramingMode,
  origin: Origin,
  messageBytesMax: number,
  frame: FrameOutput['frame'],
): StreamSplitter {
  return new StreamSplitter(
    {
      ...{ mode, messageBytesMax, halfFrames: new HalfFrames(), origin },
      ...{ newId: () => newId(systemRandom), now: () => systemClock.now() },
    },
    {
      frame,
      frames(bytes, bounds, marks, count) {
        for (let i = 0; i < count; i += 1) frame(bytes, bounds[2 * i], bounds[2 * i + 1], marks[i])
      },
    },
  )
}
