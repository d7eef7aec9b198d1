// One output file and its write buffers ("parts"): the first part is being written while the last one collects lines.
//
//   parts   [ being written │ sealed: then rotate │ … │ collecting ]
//
// A part may end with a step (rotation, reopening, reading the length for a commit). A step runs when all bytes before it are in the
// file, and before any byte after it. This is the only ordering rule.
//
// `advance` does one piece of work; `file-set.ts` decides when to call it. `file-keeper.ts` does what concerns the path of the file
// (opening, checks).

import { bytesWrittenOf, type DiskFile, type FileStat } from '../../common/disk.ts'
import { assert } from '../../common/fault.ts'
import type { Output } from '../../common/message/output.ts'
import type { Opened } from './file-opener.ts'
import type { OutputPool } from './output-pool.ts'
import { PendingWrite } from './pending-write.ts'
import { isSameFile } from './position-log.ts'

const NEWLINE = 0x0a
const newline = Buffer.of(NEWLINE)

/** An action between two bytes of a file. If it rejects, it is called again later. */
export type Step = () => Promise<void>

interface Part {
  output: Output | undefined
  readonly writes: PendingWrite[]
  /** Bytes of `output` that have been written to the file. */
  written: number
  step: Step | undefined
}

export interface Keeper {
  /** Makes the file ready to be written to; undefined if it is already. */
  prepare(file: OutputFile): Promise<void> | undefined
  /** Whether the open file has been unlinked, so that what was just written to it is lost. */
  isGone(file: OutputFile): Promise<boolean>
}

export class OutputFile {
  readonly path: string
  /** Number of the destination's write that last touched this file: the file with the lowest one is closed first. */
  usedAt = 0
  /** Without work, in a pause between writes, queued, being worked on, or waiting for a retry. */
  state: 'idle' | 'pausing' | 'ready' | 'busy' | 'resting' = 'idle'
  /** Somebody waits for the collected lines: they are written without a pause. */
  awaited = false
  /** When it was last written to, monotonic ms. */
  writtenMs = -Infinity
  /** Consecutive failures. */
  failures = 0
  /** Length of the file, as far as this process knows. */
  length = 0
  /** Its length when it was last closed. */
  lengthClosed = 0
  /** The open file; absent while it is closed. */
  handle: DiskFile | undefined
  /** Stat of the open file when it was opened. */
  stat: FileStat | undefined
  /** Whether its path is a symbolic link. */
  isLink = false
  /** The local day of the lines in the file (`20261123`); '' until it has been opened. */
  day = ''
  /** When its path was last checked, monotonic ms. */
  checkedMs = 0
  /** Whether its length is committed together with stream marks (`commits.ts`). */
  tracked = false
  /** Number of commits that wait until what was rendered before them is in the file. */
  commitsAhead = 0
  /** Whether the length of the open file is in the position log. */
  begun = false
  /** The file that gets the lines of this one, because no file can be created at its path. */
  divertedTo: OutputFile | undefined
  /** Whether the file ended in an incomplete line when it was opened. */
  #endsMidLine = false
  /** Stat of the file that was opened last. */
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

  /** The buffer that lines for this file are rendered into. Call `note` for every write that rendered some. */
  get output(): Output {
    return (this.#collecting.output ??= this.#pool.take())
  }

  /** Records that `write` has rendered lines here, and must wait for them. True the first time for this write. */
  note(write: PendingWrite): boolean {
    const { writes } = this.#collecting
    if (writes.length > 0 && writes[writes.length - 1] === write) return false
    writes.push(write)
    write.hold()
    return true
  }

  /** Schedules `step` after everything rendered so far, and before anything rendered later. */
  seal(step: Step): void {
    this.#collecting.step = step
    this.#parts.push(emptyPart())
  }

  /** Whether there are bytes to write or steps to run. */
  get hasWork(): boolean {
    return this.#parts.length > 1 || this.#parts[0].writes.length > 0
  }

  /** Whether there are steps to run. */
  get hasStep(): boolean {
    return this.#parts.some(({ step }) => step !== undefined)
  }

  /** Bytes after the last step. If that is a rotation, the next file begins with them. */
  get collected(): number {
    return this.#collecting.output?.length ?? 0
  }

  /** Bytes rendered but not written yet. */
  get unwritten(): number {
    return this.#parts.reduce((sum, { output, written }) => sum + (output ? output.length - written : 0), 0)
  }

  /**
   * Writes the first part and runs its step; resolves to the number of bytes that left the buffers. Rejects with the error of the
   * system; the next call continues at the same byte.
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
    for (const write of part.writes.splice(0)) write.release()
    await part.step?.()
    const bytes = output?.length ?? 0
    if (output) this.#pool.giveBack(output)
    const done = this.#parts.shift()
    assert(done === part, 'only one piece of work is done on a file at a time')
    return bytes
  }

  opened({ handle, stat, isLink, endsMidLine }: Opened): void {
    if (!this.was(stat)) {
      this.leave(false)
      this.#endsMidLine = endsMidLine
    }
    this.handle = handle
    this.stat = this.#last = stat
    this.isLink = isLink
    this.length = stat.size
    this.begun = false
  }

  /** Whether this is the file (device and inode) that was opened last. */
  was(stat: FileStat): boolean {
    return this.#last !== undefined && isSameFile(this.#last, stat)
  }

  /**
   * Call when the path refers to another file now. If part of the buffer was written to the old one, the new one begins at the start of the
   * current line; with `isGone` (the old file was unlinked) it begins at the start of the buffer.
   */
  leave(isGone: boolean): void {
    const part = this.#parts[0]
    if (part.written === 0 || !part.output) return
    part.written = isGone ? 0 : part.output.bytes.lastIndexOf(NEWLINE, part.written - 1) + 1
  }

  /** Closes the descriptor, once these have settled; the next write opens the file by its path again. */
  async close(using: readonly Promise<void>[]): Promise<void> {
    const { handle } = this
    if (handle) this.lengthClosed = this.length
    this.handle = undefined
    this.stat = undefined
    await Promise.allSettled(using)
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
      // Bytes that are in the file already must not be written again, or an incomplete line would be followed by a complete one.
      const written = bytesWrittenOf(error)
      part.written += written
      this.length += written
      throw error
    }
  }

  async #pour(part: Part, output: Output, other: OutputFile): Promise<void> {
    const bytes = output.length - part.written
    const pending = new PendingWrite()
    other.output.reserve(bytes)
    output.bytes.copy(other.output.bytes, other.output.length, part.written, output.length)
    other.output.length += bytes
    other.note(pending)
    pending.release()
    output.length = part.written
    throw new Pause(pending.settled, other)
  }
}

/** Thrown by a step, or by `advance`: this file continues when `until` has settled. Until then other files are worked on. */
export class Pause extends Error {
  readonly until: Promise<unknown>
  /** A file that has got work through this. */
  readonly other: OutputFile | undefined

  constructor(until: Promise<unknown>, other?: OutputFile) {
    super('waits')
    this.until = until
    this.other = other
  }
}

function emptyPart(): Part {
  return { output: undefined, writes: [], written: 0, step: undefined }
}
