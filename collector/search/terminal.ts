// The output of a command: standard output, or a pager on a terminal. If the reader closes it (`| head`, `q` in the pager), that
// is not an error: the command stops.

import { spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import { errnoOf } from '../../common/fault.ts'
import type { GrepTarget } from './entry-queue.ts'

// Without a pager, as in many containers, the shell prints the results itself. 126 and 127 mean that it could not start the pager, which
// then has read nothing.
const LESS = 'command -v less > /dev/null && exec less; exec cat'
const orCat = (pager: string) => `${pager}\ncase $? in 126 | 127) exec cat ;; esac`

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

  /** Output through `$PAGER`, or through less if that is not set; as it is if `$PAGER` is empty or `cat`, or there is no such pager. */
  static paged(): CommandOutput {
    const pager = process.env['PAGER']
    if (pager === '' || pager === 'cat') return CommandOutput.standard()
    // The options that journalctl gives less: quit if everything fits on one screen (F), pass colours through (R), chop long lines
    // (S), do not clear the screen (X), verbose prompt (M), exit on interrupt (K).
    const env = { ...process.env, LESS: process.env['LESS'] ?? 'FRSXMK', LESSCHARSET: 'utf-8' }
    const command = pager === undefined ? LESS : orCat(pager)
    const child = spawn(command, { shell: true, stdio: ['pipe', 'inherit', 'inherit'], env })
    if (child.pid === undefined) {
      child.on('error', () => {}) // there is no shell
      return CommandOutput.standard()
    }
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
