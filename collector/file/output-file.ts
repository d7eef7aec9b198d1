// One output file: what is rendered for it waits in parts, one part is written at a time, the next collects meanwhile.
//
//   parts   [ written now │ sealed: then rotate │ … │ collects ]
//
// A part may end with a step (rotation, reopening, noting the length for a commit). Steps run when every byte before
// them is in the file, and before any byte behind them: that is the whole order there is.
//
// Nothing here waits for a slow file: `advance` does one piece of work and is called again (`file-set.ts`).

import { bytesWrittenOf, type DiskFile, type FileStat } from '../../common/disk.ts'
import { assert } from '../../common/fault.ts'
import type { Output } from './output.ts'
import type { OutputPool } from './output.ts'
import type { Ticket } from './ticket.ts'

/** What is to be done between two bytes of a file. Called again from the start when it has rejected. */
export type Step = () => Promise<void>

interface Part {
  output: Output | undefined
  readonly tickets: Ticket[]
  /** Bytes of `output` that are in the file. */
  written: number
  readonly steps: Step[]
}

/** Opens a file to append, making folders on the way. */
export interface Opener {
  open(path: string): Promise<{ readonly handle: DiskFile; readonly stat: FileStat }>
}

export class OutputFile {
  readonly path: string
  /** When it was last written to, in writes of the destination: the oldest is closed first. */
  usedAt = 0
  /** Set by the file set: it waits for its turn, has it, or waits for a retry. */
  state: 'idle' | 'ready' | 'busy' | 'resting' = 'idle'
  /** Failures in a row. */
  failures = 0
  /** Bytes in the file, as far as this process knows. */
  length = 0
  readonly #pool: OutputPool
  #parts: Part[] = [emptyPart()]
  #handle: DiskFile | undefined
  #stat: FileStat | undefined

  constructor(path: string, pool: OutputPool) {
    this.path = path
    this.#pool = pool
  }

  /** Where lines for this file are rendered to. `note` every write that rendered. */
  get output(): Output {
    const part = this.#parts[this.#parts.length - 1]
    part.output ??= this.#pool.take()
    return part.output
  }

  /** The write that `ticket` stands for has rendered something; it waits until that is in the file. */
  note(ticket: Ticket): void {
    const { tickets } = this.#parts[this.#parts.length - 1]
    if (tickets.length > 0 && tickets[tickets.length - 1] === ticket) return
    tickets.push(ticket)
    ticket.hold()
  }

  /** Has `step` done after all that was rendered so far, and before anything that comes later. */
  seal(step: Step): void {
    this.#parts[this.#parts.length - 1].steps.push(step)
    this.#parts.push(emptyPart())
  }

  get isOpen(): boolean {
    return this.#handle !== undefined
  }

  /** Whether there is something to write or to do. */
  get hasWork(): boolean {
    return this.#parts.length > 1 || this.#parts[0].tickets.length > 0
  }

  /** Bytes rendered and not written. */
  get unwritten(): number {
    return this.#parts.reduce((sum, { output, written }) => sum + (output ? output.length - written : 0), 0)
  }

  /** Writes the first part and does its steps. Rejects with the system's error and goes on there the next time. */
  async advance(opener: Opener): Promise<number> {
    const part = this.#parts[0]
    if (this.#parts.length === 1) this.#parts.push(emptyPart())
    const { output } = part
    let bytes = 0
    if (output && part.written < output.length) {
      if (!this.#handle) await this.open(opener)
      bytes = await this.#write(part, output)
    }
    for (const ticket of part.tickets.splice(0)) ticket.release()
    while (part.steps.length > 0) {
      await part.steps[0]()
      part.steps.shift()
    }
    if (output) this.#pool.giveBack(output)
    const done = this.#parts.shift()
    assert(done === part, 'only one piece of work is done on a file at a time')
    return bytes
  }

  /** Opens it by its name, if it is not open. */
  async open(opener: Opener): Promise<void> {
    if (this.#handle) return
    const { handle, stat } = await opener.open(this.path)
    this.#handle = handle
    this.#stat = stat
    this.length = stat.size
  }

  /** Lets go of the descriptor; the next write opens the file by its name again. */
  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    this.#stat = undefined
    await handle?.close()
  }

  /** Gives up what is not written: rejects the writes that wait for it. */
  abandon(reason: unknown): void {
    for (const part of this.#parts) for (const ticket of part.tickets.splice(0)) ticket.reject(reason)
  }

  async #write(part: Part, output: Output): Promise<number> {
    const bytes = output.length - part.written
    try {
      await this.#handle!.write(output.bytes, part.written, bytes)
    } catch (error) {
      // What is already in the file must not be written again, or a torn line would be followed by a whole one.
      const written = bytesWrittenOf(error)
      part.written += written
      this.length += written
      throw error
    }
    part.written += bytes
    this.length += bytes
    return bytes
  }

  /** Device and inode of the open file. */
  get identity(): FileStat | undefined {
    return this.#stat
  }
}

function emptyPart(): Part {
  return { output: undefined, tickets: [], written: 0, steps: [] }
}
