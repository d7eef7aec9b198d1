// Runs a splitter and collects its frames, for tests.

import { randomBytes } from 'node:crypto'
import { defectsOf } from '../../common/message/defects.ts'
import { HalfFrames } from '../../common/framing/half-frames.ts'
import { StreamSplitter, type FrameOutput, type FramingMode } from '../../common/framing/stream-splitter.ts'
import { originOf } from '../fake/batch.ts'

export interface Frame {
  readonly text: string
  readonly marks: string[]
}

export class Collected implements FrameOutput {
  readonly given: Frame[] = []

  frame(bytes: Uint8Array, start: number, end: number, mark: number): void {
    this.given.push({ text: Buffer.from(bytes.subarray(start, end)).toString('latin1'), marks: defectsOf(mark) })
  }

  frames(bytes: Uint8Array, bounds: Uint32Array, marks: Uint32Array, count: number): void {
    for (let i = 0; i < count; i += 1) this.frame(bytes, bounds[2 * i], bounds[2 * i + 1], marks[i])
  }
}

export interface SplitSettings {
  readonly mode?: FramingMode
  readonly messageBytesMax?: number
  readonly halfFrames?: HalfFrames
  readonly id?: string
}

export function splitter(out: FrameOutput, settings: SplitSettings = {}): StreamSplitter {
  return new StreamSplitter(
    {
      mode: settings.mode ?? 'auto',
      messageBytesMax: settings.messageBytesMax ?? 1024 * 1024,
      halfFrames: settings.halfFrames ?? new HalfFrames(),
      origin: originOf(),
      newId: () => settings.id ?? randomBytes(16).toString('hex'),
      now: () => Date.UTC(2026, 10, 23) * 1000,
    },
    out,
  )
}

/** Returns all frames of a stream that consists of these chunks. */
export function split(chunks: readonly (string | Buffer)[], settings: SplitSettings = {}): Frame[] {
  const out = new Collected()
  const stream = splitter(out, settings)
  for (const chunk of chunks) stream.feed(typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk)
  stream.flush()
  return out.given
}
