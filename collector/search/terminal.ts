// The output of a command: standard output, or a pager on a terminal. If the reader closes it (`| head`, `q` in the pager), that
// is not an error: the command stops.

import { spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import { errnoOf } from '../../common/fault.ts'
import type { GrepTarget } from './entry-queue.ts'

// A slim container has no less: the shell then finds nothing to run (127), or nothing that it may run (126), and has read nothing.
const UNLESS_FOUND = 'case $? in 126|127) exec cat ;; esac'

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

  /** Output through `$PAGER`, or through less if that is not set; standard output if it is empty or `cat`. */
  static paged(): CommandOutput {
    const pager = process.env['PAGER'] ?? 'less'
    if (pager === '' || pager === 'cat') return CommandOutput.standard()
    // The options that journalctl gives less: quit if everything fits on one screen (F), pass colours through (R), chop long lines
    // (S), do not clear the screen (X), verbose prompt (M), exit on interrupt (K).
    const env = { ...process.env, LESS: process.env['LESS'] ?? 'FRSXMK', LESSCHARSET: 'utf-8' }
    const child = spawn(`${pager}\n${UNLESS_FOUND}`, { shell: true, stdio: ['pipe', 'inherit', 'inherit'], env })
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

  /** Resolves once everything is written and the pager, if there is one, has exited. */
  async end(): Promise<void> {
    if (this.#stream !== process.stdout) this.#stream.end()
    await this.#ended
  }
}
