// The `stdout` destination: lines on standard output, for a look at what flows and for pipes.
//
// A reader that closed the pipe (`| head`) has seen enough: the program is asked to end, as by SIGTERM, and says nothing. If it cannot be
// written for another reason, such as a full disk, the program ends with status 1, since Node never writes to it again.

import type { Writable } from 'node:stream'
import type { DestinationType } from '../common/component.ts'
import { errnoOf, Fault, reasonOf } from '../common/fault.ts'
import { writeLines, type LineFormat } from '../common/message/line-format.ts'
import { Output } from '../common/message/output.ts'
import { options, type OptionsOf } from '../common/option.ts'
import type { Batch } from '../common/pipeline/batch.ts'
import { GivenPositions } from '../common/pipeline/given-positions.ts'
import type { Destination } from '../common/pipeline/sink.ts'
import type { Platform } from '../common/platform.ts'
import { lineOption } from './line-option.ts'

/** Unlike that of a stop, so that a supervisor starts the program again. */
const EXIT_FAILED = 1

type Surroundings = Pick<Platform, 'clock' | 'metrics'>

export class StdoutDestination implements Destination {
  readonly name: string
  readonly #line: LineFormat
  readonly #stream: Writable
  readonly #clock: Platform['clock']
  readonly #positions: GivenPositions
  readonly #end: (failure: Fault | undefined) => void
  readonly #open = new Set<(fault: Fault) => void>()
  #spare: Output[] = []
  #closed: Fault | undefined
  #whenIdle: (() => void) | undefined

  /** `end` is called once: with nothing when nobody reads any more, else with the reason why it cannot be written. */
  constructor(
    name: string,
    line: LineFormat,
    stream: Writable,
    platform: Surroundings,
    end: (failure: Fault | undefined) => void,
  ) {
    this.name = name
    this.#line = line
    this.#stream = stream
    this.#clock = platform.clock
    this.#positions = new GivenPositions(name, platform.metrics)
    this.#end = end
  }

  open(): Promise<void> {
    this.#stream.on('error', this.#onError)
    return Promise.resolve()
  }

  write(batch: Batch): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closed)
    return this.#positions.writeNew(batch, (fresh) => this.#print(fresh))
  }

  // Without a message, what is printed is nothing, but it settles after what was printed before.
  #print(batch: Batch): Promise<void> {
    const output = this.#spare.pop() ?? new Output()
    writeLines(this.#line, batch, output)
    return new Promise((resolve, reject) => {
      this.#open.add(reject)
      this.#stream.write(output.written, (error) => {
        output.clear()
        this.#spare = [output]
        this.#open.delete(reject)
        if (error) reject(this.#fault(error))
        else resolve()
        if (this.#open.size === 0) this.#whenIdle?.()
      })
    })
  }

  // What the stream has been given it cannot be made to forget: a reader that comes back after the deadline still gets it.
  async close(deadlineMs: number): Promise<void> {
    this.#closed ??= new Fault('STOPPING', `${this.name} takes nothing more`)
    if (this.#open.size > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.#clock.after(deadlineMs, resolve)
        this.#whenIdle = () => {
          cancel()
          resolve()
        }
      })
    }
    for (const reject of this.#open) reject(new Fault('STOPPING', `${this.name} was stopped before all was read`))
  }

  readonly #onError = (error: Error): void => {
    if (this.#closed) return
    const fault = this.#fault(error)
    this.#closed = fault
    this.#end(fault.code === 'STOPPING' ? undefined : fault)
  }

  #fault(error: Error): Fault {
    if (errnoOf(error) === 'EPIPE') return new Fault('STOPPING', 'nobody reads standard output any more')
    return new Fault('FILE_UNWRITABLE', `standard output: ${reasonOf(error)}`, { cause: error })
  }
}

const stdoutOptions = options({
  line: lineOption().prefault('iso').describe('The format of a line, by name or as a template.'),
})

export const stdoutType: DestinationType<OptionsOf<typeof stdoutOptions>> = {
  type: 'stdout',
  about: 'Writes lines to standard output.',
  options: stdoutOptions,
  create: ({ line }, { name, platform }) =>
    new StdoutDestination(name, line, process.stdout, platform, (failure) => {
      if (failure) {
        platform.log.error({ destination: name, reason: failure.detail }, 'nothing can be written any more: stopping')
        process.exitCode = EXIT_FAILED
      }
      process.kill(process.pid, 'SIGTERM')
    }),
}
