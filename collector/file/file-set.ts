// All output files of a destination: which of them have something to do, how many do it at once, and how many are open.
//
// A file that has work stands in line; a few are worked on at a time. While it waits, more lines are rendered for it,
// so that the busier the destination is, the larger its writes are. A file whose disk fails rests alone and is tried
// again; the others go on.

import type { Clock } from '../../common/clock.ts'
import { errnoOf, reasonOf } from '../../common/fault.ts'
import { FILES_AT_WORK_MAX, FILE_RETRY_FIRST_MS, FILE_RETRY_MAX_MS } from '../../common/limits.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import type { DiskFile, FileStat } from '../../common/disk.ts'
import type { Platform } from '../../common/platform.ts'
import { OutputFile, type Opener } from './output-file.ts'
import type { OutputPool } from './output.ts'

export interface FileSetOptions {
  readonly name: string
  /** Files held open at most. */
  readonly filesMax: number
}

export class FileSet implements Opener {
  readonly #options: FileSetOptions
  readonly #platform: Platform
  readonly #clock: Clock
  readonly #opener: Opener
  readonly #pool: OutputPool
  readonly #warning: RateLimitedWarning
  readonly #onWritten: (bytes: number) => void
  readonly #files = new Map<string, OutputFile>()
  #line: OutputFile[] = []
  #lineHead = 0
  #atWork = 0
  #open = 0
  #stopped = false

  /** `onWritten` is called after each write with its bytes. */
  constructor(
    options: FileSetOptions,
    platform: Platform,
    opener: Opener,
    pool: OutputPool,
    onWritten: (bytes: number) => void,
  ) {
    this.#options = options
    this.#platform = platform
    this.#clock = platform.clock
    this.#opener = opener
    this.#pool = pool
    this.#onWritten = onWritten
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
  }

  /** The file at `path`, not opened yet where it is new. */
  file(path: string): OutputFile {
    const known = this.#files.get(path)
    if (known) return known
    const file = new OutputFile(path, this.#pool)
    this.#files.set(path, file)
    return file
  }

  all(): Iterable<OutputFile> {
    return this.#files.values()
  }

  /** Puts a file that has work in line. */
  work(file: OutputFile): void {
    if (file.state !== 'idle' || this.#stopped) return
    file.state = 'ready'
    this.#line.push(file)
    this.#next()
  }

  /** Takes no more work; what is being written is finished. */
  stop(): void {
    this.#stopped = true
  }

  #next(): void {
    while (this.#atWork < this.#atWorkMax && this.#lineHead < this.#line.length) {
      const file = this.#line[this.#lineHead++]
      if (this.#lineHead === this.#line.length) {
        this.#line = []
        this.#lineHead = 0
      }
      this.#atWork += 1
      void this.#run(file)
    }
  }

  get #atWorkMax(): number {
    return Math.min(FILES_AT_WORK_MAX, this.#options.filesMax)
  }

  async #run(file: OutputFile): Promise<void> {
    file.state = 'busy'
    try {
      if (!file.isOpen) await this.#makeRoom()
      const bytes = await file.advance(this)
      file.failures = 0
      file.state = 'idle'
      this.#onWritten(bytes)
      if (file.hasWork) this.work(file)
    } catch (error) {
      this.#rest(file, error)
    }
    this.#atWork -= 1
    this.#next()
  }

  /** Opens for one of its files, and counts it. */
  async open(path: string): Promise<{ readonly handle: DiskFile; readonly stat: FileStat }> {
    const opened = await this.#opener.open(path)
    this.#countOpen(1)
    return opened
  }

  #countOpen(by: number): void {
    this.#open += by
    this.#platform.metrics.set('sluice_output_files', { destination: this.#options.name }, this.#open)
  }

  async #makeRoom(): Promise<void> {
    if (this.#open < this.#options.filesMax) return
    const closable = [...this.#files.values()].filter((file) => file.isOpen && file.state !== 'busy')
    closable.sort((a, b) => a.usedAt - b.usedAt)
    // A sixteenth at once: finding the oldest means looking at all.
    const closing = closable.slice(0, Math.max(1, Math.floor(this.#options.filesMax / 16)))
    await Promise.all(closing.map((file) => this.close(file)))
  }

  /** Closes a file that nobody is working on. */
  async close(file: OutputFile): Promise<void> {
    if (!file.isOpen) return
    const state = file.state
    file.state = 'busy'
    this.#countOpen(-1)
    await file.close()
    file.state = state
  }

  #rest(file: OutputFile, error: unknown): void {
    const waitMs = Math.min(FILE_RETRY_FIRST_MS * 2 ** file.failures, FILE_RETRY_MAX_MS)
    file.failures += 1
    file.state = 'resting'
    const { name } = this.#options
    this.#platform.metrics.count('sluice_write_errors_total', { destination: name }, 1)
    const values = { destination: name, path: file.path, errno: errnoOf(error), retryMs: waitMs }
    this.#warning.warn(values, `cannot write, its sources wait: ${reasonOf(error)}`)
    this.#clock.after(waitMs, () => {
      file.state = 'idle'
      if (file.hasWork) this.work(file)
    })
  }
}
