// The `stdin` source: each line of standard input is a message. The source ends when the input ends.

import type { ComponentContext, SourceType } from '../../common/component.ts'
import { reasonOf } from '../../common/fault.ts'
import { HalfFrames } from '../../common/framing/half-frames.ts'
import { StreamSplitter } from '../../common/framing/stream-splitter.ts'
import { options, text, type OptionsOf } from '../../common/option.ts'
import { facility, severity } from '../../common/option-values.ts'
import type { Origin } from '../../common/pipeline/batch.ts'
import { Intake } from '../../common/pipeline/intake.ts'
import type { Sink, Source } from '../../common/pipeline/sink.ts'
import { newId } from '../../common/random.ts'
import { standardInput, type ByteInput } from '../../common/standard-input.ts'

const stdinOptions = options({
  program: text().optional().describe('Program of lines without a header.'),
  facility: facility().prefault('user').describe('Facility of lines without a PRI.'),
  severity: severity().prefault('notice').describe('Severity of lines without a PRI.'),
})

type StdinOptions = OptionsOf<typeof stdinOptions>

export const stdinSource: SourceType<StdinOptions> = {
  type: 'stdin',
  about: 'Reads lines from standard input until it ends.',
  options: stdinOptions,
  claims: () => [{ path: ['type'], key: 'standard input' }],
  create: (given, context) => new StdinSource(given, context, standardInput),
}

export class StdinSource implements Source {
  readonly name: string
  readonly #origin: Origin
  readonly #context: ComponentContext
  readonly #openInput: () => ByteInput
  #braked = false

  constructor(given: StdinOptions, context: ComponentContext, openInput: () => ByteInput) {
    this.name = context.name
    this.#context = context
    this.#openInput = openInput
    this.#origin = {
      source: context.name,
      lines: 'text',
      zone: context.localZone,
      host: Buffer.from(context.hostName),
      program: Buffer.from(given.program ?? ''),
      priority: given.facility * 8 + given.severity,
    }
  }

  open(): Promise<void> {
    return Promise.resolve()
  }

  async run(sink: Sink, signal: AbortSignal): Promise<void> {
    const { platform } = this.#context
    const intake = new Intake(this.name, sink, platform)
    const splitter = this.#splitter(intake)
    const input = this.#openInput()
    await new Promise<void>((resolve) => {
      const onAbort = () => resolve()
      signal.addEventListener('abort', onAbort)
      if (signal.aborted) return resolve()
      input.start(
        (chunk) => {
          splitter.feed(chunk)
          if (!intake.takes(chunk.length)) void this.#brake(input, intake)
        },
        (error) => {
          if (error) platform.log.error({ source: this.name, reason: reasonOf(error) }, 'standard input failed')
          signal.removeEventListener('abort', onAbort)
          resolve()
        },
      )
    })
    input.close()
    // The end of the input completes its last line. A stop may have cut a line.
    splitter.flush(!signal.aborted)
    await intake.close()
  }

  #splitter(intake: Intake): StreamSplitter {
    const origin = this.#origin
    const { messageBytesMax, platform } = this.#context
    const { clock, random } = platform
    return new StreamSplitter(
      {
        ...{ mode: 'newline', messageBytesMax, halfFrames: new HalfFrames(), origin },
        ...{ newId: () => newId(random), now: () => clock.now() },
      },
      {
        frame: (bytes, start, end, mark) => intake.add(origin, bytes, start, end, mark),
        frames: (bytes, bounds, marks, count) => intake.addAll(origin, bytes, bounds, marks, count),
      },
    )
  }

  async #brake(input: ByteInput, intake: Intake): Promise<void> {
    if (this.#braked) return
    this.#braked = true
    input.pause()
    await intake.room()
    this.#braked = false
    input.resume()
  }
}
