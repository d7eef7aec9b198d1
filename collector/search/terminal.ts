// Where the output of a command goes: standard output, or on a terminal a pager. When nobody reads on (`| head`, `q` in
// the pager) that is no error: the command stops.

import { spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import { errnoOf } from '../../common/fault.ts'
import type { GrepTarget } from './entry-queue.ts'

export class CommandOutput implements GrepTarget {
  readonly #stream: Writable
  readonly #ended: Promise<void>
  #open = true

  private constructor(stream: Writable, ended: Promise<void>) {
    this.#stream = stream
    this.#ended = ended
    stream.on('error', (error) => {
      this.#open = false
      if (errnoOf(error) !== 'EPIPE') process.stderr.write(`sluice: standard output: ${error.message}\n`)
    })
  }

  static standard(): CommandOutput {
    return new CommandOutput(process.stdout, Promise.resolve())
  }

  /** Through `$PAGER`, or less where that is not set; standard output where it cannot be started or is `cat`. */
  static paged(): CommandOutput {
    const pager = process.env['PAGER'] ?? 'less'
    if (pager === '' || pager === 'cat') return CommandOutput.standard()
    // As journalctl sets it: quit where all fits, keep colours, cut long lines, leave the screen as it is.
    const env = { ...process.env, LESS: process.env['LESS'] ?? 'FRSXMK', LESSCHARSET: 'utf-8' }
    const child = spawn(pager, { shell: true, stdio: ['pipe', 'inherit', 'inherit'], env })
    const ended = new Promise<void>((resolve) => {
      child.on('close', () => resolve())
      child.on('error', () => resolve())
    })
    return new CommandOutput(child.stdin, ended)
  }

  write(bytes: Buffer): Promise<boolean> {
    if (!this.#open) return Promise.resolve(false)
    return new Promise((resolve) => {
      this.#stream.write(bytes, (error) => resolve(!error && this.#open))
    })
  }

  /** Resolves when all is written and the pager, if there is one, is closed. */
  async end(): Promise<void> {
    if (this.#stream !== process.stdout) this.#stream.end()
    await this.#ended
  }
}
