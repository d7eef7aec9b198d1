// One output file: what is rendered for it waits in parts; one part is written at a time, the next collects meanwhile.
//
//   parts   [ written now │ sealed: then rotate │ … │ collects ]
//
// A part may end with a step (rotation, reopening, noting the length for a commit). A step runs when every byte before
// it is in the file, and before any byte behind it: that is the whole order there is.
//
// `advance` does one piece of work; who calls it, and when, is the file set's business (`file-set.ts`). What happens to
// the file by its name (opening, checks, rotation) is the keeper's (`file-keeper.ts`).

import { bytesWrittenOf, type DiskFile, type FileStat } from '../../common/disk.ts'
import { assert } from '../../common/fault.ts'
import type { Output } from '../../common/message/output.ts'
import type { OutputPool } from './output-pool.ts'
import { Ticket } from './ticket.ts'

const NEWLINE = 0x0a
const newline = Buffer.of(NEWLINE)

/** What is to be done between two bytes of a file. When it rejects it is called again later. */
export type Step = () => Promise<void>

interface Part {
  output: Output | undefined
  readonly tickets: Ticket[]
  /** Bytes of `output` that are in the file. */
  written: number
  step: Step | undefined
}

export interface Keeper {
  /** Makes the file fit to be written to; undefined where it is. */
  prepare(file: OutputFile): Promise<void> | undefined
  /** Whether the open file has lost its name to nobody: what was just written to it is gone. */
  isGone(file: OutputFile): Promise<boolean>
}

export class OutputFile {
  readonly path: string
  /** When it was last written to, in writes of the destination: the oldest is closed first. */
  usedAt = 0
  /** Whether it waits for more, waits for its turn, has it, or waits for a retry. */
  state: 'idle' | 'pausing' | 'ready' | 'busy' | 'resting' = 'idle'
  /** Somebody waits for what is collected: it is written without a pause. */
  awaited = false
  /** When it was last written to, monotonic ms. */
  writtenMs = -Infinity
  /** Failures in a row. */
  failures = 0
  /** Bytes in the file, as far as this process knows. */
  length = 0
  /** The same when it was last closed. */
  lengthClosed = 0
  /** The open file; absent while it is closed. */
  handle: DiskFile | undefined
  /** Device and inode of the open file, and what it was when it was opened. */
  stat: FileStat | undefined
  /** The local day whose lines the file of this name holds (`20261123`), once that was open. */
  day = ''
  /** When its name was last looked up, monotonic ms. */
  checkedMs = 0
  /** Its length is committed together with stream marks (`commits.ts`). */
  tracked = false
  /** Commits that wait for what was rendered before them to be in the file. */
  commitsAhead = 0
  /** The open file's length is in the log of positions. */
  begun = false
  /** Takes what this one cannot: its name is taken by something that is no file. */
  divertedTo: OutputFile | undefined
  /** Somebody, or a run before this one, left half a line at its end. */
  #endsMidLine = false
  /** What was open last. */
  #last: FileStat | undefined
  readonly #pool: OutputPool
  #parts: Part[] = [emptyPart()]

  constructor(path: string, pool: OutputPool) {
    this.path = path
    this.#pool = pool
  }

  get #collecting(): Part {
    return this.#parts[this.#parts.length - 1]
  }

  /** Where lines for this file are rendered to; `note` every write that rendered some. */
  get output(): Output {
    return (this.#collecting.output ??= this.#pool.take())
  }

  /**
   * The write that `ticket` stands for has rendered something here; it waits until that is in the file. True the first
   * time.
   */
  note(ticket: Ticket): boolean {
    const { tickets } = this.#collecting
    if (tickets.length > 0 && tickets[tickets.length - 1] === ticket) return false
    tickets.push(ticket)
    ticket.hold()
    return true
  }

  /** Has `step` done after all that was rendered so far, and before anything that comes later. */
  seal(step: Step): void {
    this.#collecting.step = step
    this.#parts.push(emptyPart())
  }

  /** Whether there is something to write or to do. */
  get hasWork(): boolean {
    return this.#parts.length > 1 || this.#parts[0].tickets.length > 0
  }

  /** Whether something is to be done between its bytes. */
  get hasStep(): boolean {
    return this.#parts.some(({ step }) => step !== undefined)
  }

  /** Bytes that wait behind the last step: what the next file begins with where that step is a rotation. */
  get collected(): number {
    return this.#collecting.output?.length ?? 0
  }

  /** Bytes rendered and not written. */
  get unwritten(): number {
    return this.#parts.reduce((sum, { output, written }) => sum + (output ? output.length - written : 0), 0)
  }

  /**
   * Writes the first part and does its step; resolves to the bytes that left the buffers. Rejects with the system's error
   * and goes on at the same byte the next time.
   */
  async advance(keeper: Keeper): Promise<number> {
    const part = this.#parts[0]
    if (this.#parts.length === 1) this.#parts.push(emptyPart())
    this.awaited = false
    const { output } = part
    while (output && part.written < output.length) {
      const preparing = keeper.prepare(this)
      if (preparing) await preparing
      if (this.divertedTo) await this.#pour(part, output, this.divertedTo)
      else await this.#write(part, output)
      if (await keeper.isGone(this)) part.written = 0
    }
    for (const ticket of part.tickets.splice(0)) ticket.release()
    await part.step?.()
    const bytes = output?.length ?? 0
    if (output) this.#pool.giveBack(output)
    const done = this.#parts.shift()
    assert(done === part, 'only one piece of work is done on a file at a time')
    return bytes
  }

  opened(handle: DiskFile, stat: FileStat, endsMidLine: boolean): void {
    if (!this.was(stat)) {
      this.leave(false)
      this.#endsMidLine = endsMidLine
    }
    this.handle = handle
    this.stat = this.#last = stat
    this.length = stat.size
    this.begun = false
  }

  /** Whether this is the file that was open last. */
  was({ device, inode }: FileStat): boolean {
    return inode === this.#last?.inode && device === this.#last.device
  }

  /**
   * The open file is not the one of this name any more: the next one begins with a whole line, or, where what was written
   * is gone with it, with all that a write that failed had begun.
   */
  leave(isGone: boolean): void {
    const part = this.#parts[0]
    if (part.written === 0 || !part.output) return
    part.written = isGone ? 0 : part.output.bytes.lastIndexOf(NEWLINE, part.written - 1) + 1
  }

  /** Lets go of the descriptor; the next write opens the file by its name again. */
  async close(): Promise<void> {
    const { handle } = this
    if (handle) this.lengthClosed = this.length
    this.handle = undefined
    this.stat = undefined
    await handle?.close()
  }

  async #write(part: Part, output: Output): Promise<void> {
    if (this.#endsMidLine) {
      await this.handle!.write(newline, 0, 1)
      this.length += 1
      this.#endsMidLine = false
    }
    const bytes = output.length - part.written
    try {
      await this.handle!.write(output.bytes, part.written, bytes)
      part.written += bytes
      this.length += bytes
    } catch (error) {
      // What is already in the file must not be written again, or a torn line would be followed by a whole one.
      const written = bytesWrittenOf(error)
      part.written += written
      this.length += written
      throw error
    }
  }

  async #pour(part: Part, output: Output, other: OutputFile): Promise<void> {
    const bytes = output.length - part.written
    const ticket = new Ticket()
    other.output.reserve(bytes)
    output.bytes.copy(other.output.bytes, other.output.length, part.written, output.length)
    other.output.length += bytes
    other.note(ticket)
    ticket.release()
    output.length = part.written
    throw new Pause(ticket.settled, other)
  }
}

/** Thrown by a step, or by `advance`: this file goes on when `until` has settled, and lets others work until then. */
export class Pause extends Error {
  readonly until: Promise<unknown>
  /** Has got work by it. */
  readonly other: OutputFile | undefined

  constructor(until: Promise<unknown>, other?: OutputFile) {
    super('waits')
    this.until = until
    this.other = other
  }
}

function emptyPart(): Part {
  return { output: undefined, tickets: [], written: 0, step: undefined }
}
