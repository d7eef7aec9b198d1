// The scheduler of the output files of a destination: which of them have work, how many are worked on at once, and how many are open.
//
// A file with work waits in a queue; a few are worked on at a time. While it waits, more lines are rendered for it, so that a busier
// destination makes larger writes. A file that was written to a few milliseconds ago pauses first, unless it has much to write: a write
// costs 30 µs whatever its size, as much as 20 lines cost in all. A file whose disk fails is retried on its own; the others continue.

import type { Cancel } from '../../common/clock.ts'
import { errnoOf, isOutOfDescriptors, reasonOf } from '../../common/fault.ts'
import {
  FILES_AT_WORK_MAX,
  FILES_OPEN_PART,
  FILE_PAUSE_BYTES,
  FILE_RETRY_FIRST_MS,
  FILE_RETRY_MAX_MS,
  PIPE_RETRY_FIRST_MS,
} from '../../common/limits.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import { OpenShare } from '../../common/open-share.ts'
import type { Platform } from '../../common/platform.ts'
import type { FilesAtWork } from './commits.ts'
import type { FileKeeper } from './file-keeper.ts'
import { OutputFile, Pause } from './output-file.ts'
import type { OutputPool } from './output-pool.ts'

const share = new OpenShare(FILES_OPEN_PART)

export interface FileSetOptions {
  readonly name: string
  /** Maximum number of open files; fewer if that exceeds its share of the process's descriptor limit. */
  readonly filesMax: number
  /** Whether the path is a template, so that there may be many files and it needs a share; otherwise it has one file. */
  readonly isTemplated: boolean
  /** Pause between two writes to a file, ms. */
  readonly pauseMs: number
  /** Called after each write with the bytes that left the buffers. */
  readonly onWritten: (bytes: number) => void
}

export class FileSet implements FilesAtWork {
  readonly #options: FileSetOptions
  readonly #platform: Platform
  readonly #pool: OutputPool
  readonly #warning: RateLimitedWarning
  readonly #files = new Map<string, OutputFile>()
  readonly #keeper: FileKeeper
  #reportedFewer = false
  /** Files whose last write failed and was reported. */
  readonly #failing = new Set<OutputFile>()
  /** The process was out of descriptors, so the next file to open first closes idle ones. */
  #isShort = false
  #line: OutputFile[] = []
  #lineHead = 0
  #atWork = 0
  #openCount = 0
  /** Number of files being worked on that were closed at the start. */
  #opening = 0
  #stopped = false
  #whenStill: (() => void) | undefined
  #pausing: OutputFile[] = []
  #cancelPause: Cancel | undefined

  constructor(options: FileSetOptions, platform: Platform, keeper: FileKeeper, pool: OutputPool) {
    this.#options = options
    this.#platform = platform
    this.#keeper = keeper
    this.#pool = pool
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
  }

  get #filesMax(): number {
    return Math.min(this.#options.filesMax, share.of(this.#platform.disk))
  }

  /** Claims a share of the process's descriptor limit, until `stop`. */
  begin(): void {
    if (this.#options.isTemplated) share.begin(this.#platform.disk)
  }

  /** The file at `path`. A new one is not opened yet. */
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

  get size(): number {
    return this.#files.size
  }

  knows(path: string): boolean {
    return this.#files.has(path)
  }

  /** Runs `work`, which must not reject, while nothing is written to the file at `path`. */
  between(path: string, work: (file: OutputFile) => Promise<void>): Promise<void> {
    const file = this.file(path)
    return new Promise((resolve) => {
      file.seal(() => work(file).then(resolve))
      this.work(file)
    })
  }

  open(file: OutputFile): Promise<void> {
    return this.#keeper.open(file)
  }

  /** Forgets closed files without work, except those for which `holds` returns true. */
  forgetClosed(holds: (file: OutputFile) => boolean): void {
    for (const [path, file] of this.#files) {
      if (!file.handle && file.state === 'idle' && !file.hasWork && !holds(file)) this.#files.delete(path)
    }
  }

  /** Queues a file that has work, after a pause if one is due. */
  work(file: OutputFile): void {
    if (this.#stopped || (file.state !== 'idle' && file.state !== 'pausing')) return
    if (this.#mayPause(file)) {
      if (file.state === 'idle') this.#pausing.push(file)
      file.state = 'pausing'
      this.#cancelPause ??= this.#platform.clock.after(this.#options.pauseMs, () => this.#endPause())
      return
    }
    file.state = 'ready'
    this.#line.push(file)
    this.#next()
  }

  /** Takes no more work; resolves when the writes and rotations in progress are done. */
  stop(): Promise<void> {
    if (!this.#stopped && this.#options.isTemplated) share.end(this.#platform.disk)
    this.#stopped = true
    this.#cancelPause?.()
    return this.#atWork === 0 ? Promise.resolve() : new Promise((resolve) => (this.#whenStill = resolve))
  }

  /** Adds `by` to the number of open files. */
  countOpen(by: number): void {
    this.#openCount += by
    this.#platform.metrics.set('sluice_output_files', { destination: this.#options.name }, this.#openCount)
  }

  /** Closes files that have not been written to after write number `usedAt`. */
  async closeIdle(usedAt: number): Promise<void> {
    for (const file of this.#files.values()) {
      if (file.handle && file.usedAt <= usedAt && file.state === 'idle' && !file.hasWork) await this.#keeper.close(file)
    }
  }

  #mayPause(file: OutputFile): boolean {
    if (file.hasStep || file.awaited || file.collected >= FILE_PAUSE_BYTES) return false
    return this.#platform.clock.monotonicMs() - file.writtenMs < this.#options.pauseMs
  }

  // There is one timer for all pauses, so some are shorter than `pauseMs`.
  #endPause(): void {
    this.#cancelPause = undefined
    for (const file of this.#pausing.splice(0)) {
      if (file.state !== 'pausing') continue
      file.state = 'ready'
      this.#line.push(file)
    }
    this.#next()
  }

  #next(): void {
    const atWorkMax = Math.min(FILES_AT_WORK_MAX, this.#filesMax)
    while (this.#atWork < atWorkMax && this.#lineHead < this.#line.length && !this.#stopped) {
      const file = this.#line[this.#lineHead++]
      if (this.#lineHead === this.#line.length) {
        this.#line = []
        this.#lineHead = 0
      }
      this.#atWork += 1
      file.state = 'busy'
      void this.#run(file)
    }
  }

  async #run(file: OutputFile): Promise<void> {
    const opens = !file.handle
    const { length } = file
    try {
      if (opens) {
        this.#opening += 1
        const isOver = this.#openCount + this.#opening > this.#filesMax
        if (isOver) this.#reportFewer()
        if (isOver || this.#isShort) await this.#closeOldest()
      }
      const bytes = await file.advance(this.#keeper)
      file.failures = 0
      this.#succeeded(file)
      if (bytes > 0) file.writtenMs = this.#platform.clock.monotonicMs()
      this.#goOn(file)
      this.#options.onWritten(bytes)
    } catch (error) {
      if (error instanceof Pause) this.#pause(file, error)
      else this.#rest(file, error, file.length > length)
    }
    if (opens) this.#opening -= 1
    this.#atWork -= 1
    this.#next()
    if (this.#atWork === 0) this.#whenStill?.()
  }

  #goOn(file: OutputFile): void {
    file.state = 'idle'
    if (file.hasWork) this.work(file)
  }

  #reportFewer(): void {
    const { name: destination, filesMax } = this.#options
    if (this.#reportedFewer || this.#filesMax === filesMax) return
    this.#reportedFewer = true
    const text =
      'fewer files are held open than max_files says: half of what the process may open (LimitNOFILE, ulimit -n) is shared by file destinations'
    this.#platform.log.warn({ destination, max_files: filesMax, open: this.#filesMax }, text)
  }

  // Closes a sixteenth of them at once, since finding the oldest takes a pass over all files.
  async #closeOldest(): Promise<void> {
    this.#isShort = false
    const closable = [...this.#files.values()].filter(({ handle, state }) => handle && state !== 'busy')
    closable.sort((a, b) => a.usedAt - b.usedAt)
    const count = Math.max(1, Math.floor(Math.min(this.#filesMax, this.#openCount) / 16))
    await Promise.all(closable.slice(0, count).map((file) => this.#keeper.close(file)))
  }

  #pause(file: OutputFile, { until, other }: Pause): void {
    file.state = 'resting'
    const goOn = () => this.#goOn(file)
    until.then(goOn, goOn)
    if (other) this.work(other)
  }

  /** Reports once that writing works again, when that is true of the last file that had failed. */
  #succeeded(file: OutputFile): void {
    if (!this.#failing.delete(file) || this.#failing.size > 0) return
    this.#platform.log.info({ destination: this.#options.name, path: file.path }, 'can write again')
  }

  #rest(file: OutputFile, error: unknown, hasMoved: boolean): void {
    const errno = errnoOf(error)
    const isFullPipe = errno === 'EAGAIN'
    if (hasMoved) file.failures = 0
    const retryMs = Math.min(
      (isFullPipe ? PIPE_RETRY_FIRST_MS : FILE_RETRY_FIRST_MS) * 2 ** file.failures,
      FILE_RETRY_MAX_MS,
    )
    file.failures += 1
    file.state = 'resting'
    this.#isShort ||= isOutOfDescriptors(error)
    // A pipe with a slow reader is full again and again. As long as it makes progress, that is backpressure, not a failure.
    if (!isFullPipe || !hasMoved) {
      const { name: destination } = this.#options
      this.#platform.metrics.count('sluice_write_errors_total', { destination }, 1)
      const values = { destination, path: file.path, errno, retryMs }
      this.#failing.add(file)
      const reason = isFullPipe ? 'EAGAIN: nobody reads what is in this pipe' : reasonOf(error)
      this.#warning.warn(values, `cannot write, its sources wait: ${reason}`)
    }
    this.#platform.clock.after(retryMs, () => this.#goOn(file))
  }
}
