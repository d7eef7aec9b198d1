// Stored exactly once: for what comes from streams, lines and stream positions become durable together.
//
//   rendered   ──────── seal ────────▶     a commit draws a line through all files it tracks, between two writes
//   written, synced    up to the line      files go on being written behind it
//   log of positions   lengths at the line + marks at the line, one record, synced
//   settled            the writes before the line
//
// After a crash every file is cut back to its length in the last record, and what the marks do not cover comes again.
//
// A file is tracked from its first line of a stream on. Its length is in the log before that line is written, so that
// a crash before the first commit cuts there too. Other writes to a tracked file wait for the commit as well: their
// lines may be cut with the rest.

import { sleep, type Cancel } from '../../common/clock.ts'
import type { FileStat } from '../../common/disk.ts'
import { DurableNames } from '../../common/durable-names.ts'
import { reasonOf } from '../../common/fault.ts'
import {
  COMMIT_BYTES,
  COMMIT_EVERY_MS,
  FILE_RETRY_MAX_MS,
  MARK_KEPT_DAYS,
  RETIRED_MARK_KEPT_DAYS,
} from '../../common/limits.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import { freshMessages } from '../../common/pipeline/stream-marks.ts'
import type { Platform } from '../../common/platform.ts'
import type { FileWatcher } from './file-keeper.ts'
import type { OutputFile } from './output-file.ts'
import type { FileEntry, Mark, PositionLog, PositionRecord } from './position-log.ts'

/** What commits need of the files. */
export interface FilesAtWork {
  work(file: OutputFile): void
  open(file: OutputFile): Promise<void>
  knows(path: string): boolean
}

export class Commits implements FileWatcher {
  readonly #destination: string
  readonly #platform: Platform
  readonly #log: PositionLog
  readonly #files: FilesAtWork
  readonly #names: DurableNames
  readonly #warning: RateLimitedWarning
  /** How far each stream was rendered. */
  readonly #marks = new Map<string, number>()
  #changed = new Map<string, Mark>()
  #written = new Set<OutputFile>()
  /** What files were before, with lines that the next commit of the file covers. */
  readonly #leaving = new Map<OutputFile, readonly FileStat[]>()
  /** What the log has the length of, by the file whose name it had. */
  readonly #noted = new WeakMap<OutputFile, FileStat>()
  #waiting: (() => void)[] = []
  #waitingBytes = 0
  #isAwaited = false
  #last: Promise<void> = Promise.resolve()
  #running = 0
  #beganMs = -Infinity
  #timer: Cancel | undefined
  #stopped = false

  constructor(destination: string, platform: Platform, log: PositionLog, files: FilesAtWork) {
    this.#destination = destination
    this.#platform = platform
    this.#log = log
    this.#files = files
    this.#names = new DurableNames(platform.disk)
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
  }

  /** When the log has been read. */
  begin(): void {
    for (const [id, { position }] of this.#log.marks) this.#marks.set(id, position)
  }

  /** 1 for each message that is not stored yet, 0 for the others; undefined where all are new. */
  fresh(batch: Batch): Uint8Array | undefined {
    return freshMessages(batch, (id) => this.#marks.get(id))
  }

  /** The batch has been rendered, as far as it is fresh. */
  advance(batch: Batch): void {
    for (const { stream } of batch.runs) {
      if (!stream || stream.to <= (this.#marks.get(stream.id) ?? -1)) continue
      this.#move(stream.id, stream.to, MARK_KEPT_DAYS)
    }
  }

  /** Streams are over; resolves when that is committed. */
  retire(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const position = this.#marks.get(id)
      if (position !== undefined) this.#move(id, position, RETIRED_MARK_KEPT_DAYS)
    }
    return this.now()
  }

  #move(id: string, position: number, days: number): void {
    this.#marks.set(id, position)
    this.#changed.set(id, { position, until: this.#log.today + days })
  }

  /** Something was rendered for a tracked file. */
  touch(file: OutputFile): void {
    this.#written.add(file)
  }

  /** Resolves when everything that was rendered up to now is committed, in the commits' own time, or soon where that is awaited. */
  committed(bytes: number, awaited: boolean): Promise<void> {
    this.#waitingBytes += bytes
    this.#isAwaited ||= awaited
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#schedule()
    })
  }

  /** Draws the line here and now; resolves when that is committed. */
  now(): Promise<void> {
    this.#timer?.()
    this.#timer = undefined
    const waiting = this.#waiting
    const marks = this.#changed
    const files = [...this.#written]
    this.#waiting = []
    this.#waitingBytes = 0
    this.#isAwaited = false
    this.#changed = new Map()
    this.#written = new Set()
    if (waiting.length === 0 && marks.size === 0 && files.length === 0) return this.#last
    this.#running += 1
    this.#beganMs = this.#platform.clock.monotonicMs()
    const reached = Promise.all(files.map((file) => this.#atLine(file)))
    this.#last = Promise.all([reached, this.#last]).then(async ([each]) => {
      const gone = each.flatMap(({ left }) => left)
      await this.#record({ files: each.flatMap(({ files }) => files), marks, gone })
      this.#running -= 1
      for (const resolve of waiting) resolve()
      if (this.#waiting.length > 0) this.#schedule()
    })
    return this.#last
  }

  /**
   * The file is done with, or has lost its name: what comes goes to another. Where lines in it are not committed yet, it
   * stays in the log of positions until they are: they are cut if that never comes to be.
   */
  async left(file: OutputFile): Promise<void> {
    const { stat, handle } = file
    if (!file.tracked || !stat || !handle) return
    if (this.#written.has(file) || file.commitsAhead > 0) {
      await handle.sync()
      this.#leaving.set(file, [...(this.#leaving.get(file) ?? []), stat])
    } else void this.#last.then(() => this.#log.retire(stat))
  }

  /** Nothing is committed any more: what is being written is the last. */
  stop(): void {
    this.#stopped = true
    this.#timer?.()
  }

  /** Whether lines of it wait for a commit. */
  holds(file: OutputFile): boolean {
    return this.#written.has(file)
  }

  /** Before the first stream bytes go into a file. */
  async opened(file: OutputFile): Promise<void> {
    const { stat } = file
    if (!file.tracked || file.begun || stat?.kind !== 'file') return
    this.#retireRenamed(file, stat)
    const known = this.#log.lengthOf(stat.device, stat.inode)
    // A length beyond the end is that of a file which is gone, and whose inode this one has.
    if (known === undefined || known > file.length) {
      await this.#names.sync(file.path)
      await this.#record({ files: entryOf(file), marks: new Map(), gone: [] })
    }
    file.begun = true
  }

  // Renamed, or removed, while it was closed: of thousands of files that are quiet, and that logrotate looks after, the log would have one
  // more a day.
  #retireRenamed(file: OutputFile, now: FileStat): void {
    const before = this.#noted.get(file)
    this.#noted.set(file, now)
    if (!before || file.was(before)) return
    // Unless something in it was not committed when it was closed: where that never comes to be, it is cut.
    if (this.#log.lengthOf(before.device, before.inode) === file.lengthClosed) this.#log.retire(before)
  }

  // At once where none is running and the last is a while ago; sooner where much waits, since a source stops at its
  // bound of open writes.
  #schedule(): void {
    if (this.#running > 0) return
    const sinceMs = this.#platform.clock.monotonicMs() - this.#beganMs
    if (this.#isAwaited || this.#waitingBytes >= COMMIT_BYTES || sinceMs >= COMMIT_EVERY_MS) {
      this.#timer?.()
      this.#timer = this.#platform.clock.soon(() => void this.now())
    } else {
      this.#timer ??= this.#platform.clock.after(COMMIT_EVERY_MS - sinceMs, () => void this.now())
    }
  }

  #atLine(file: OutputFile): Promise<{ files: FileEntry[]; left: readonly FileStat[] }> {
    file.commitsAhead += 1
    return new Promise((resolve) => {
      file.seal(async () => {
        const target = file.divertedTo ?? file
        if (!target.handle) await this.#files.open(target)
        await target.handle?.sync()
        file.commitsAhead -= 1
        resolve({ files: entryOf(target), left: this.#leaving.get(file) ?? [] })
        this.#leaving.delete(file)
      })
      this.#files.work(file)
    })
  }

  // Tried until it succeeds: the writes before it wait, and say so.
  async #record(record: PositionRecord): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#log.append(record)
        if (this.#log.isLarge) await this.#rewrite()
        return
      } catch (error) {
        const { clock, metrics } = this.#platform
        metrics.count('sluice_write_errors_total', { destination: this.#destination }, 1)
        const values = { destination: this.#destination }
        this.#warning.warn(values, `cannot save positions, its sources wait: ${reasonOf(error)}`)
        await sleep(clock, FILE_RETRY_MAX_MS)
      }
    }
    // Whoever waits for it has been rejected.
    await new Promise(() => {})
  }

  async #rewrite(): Promise<void> {
    const before = new Map(this.#log.marks)
    await this.#log.rewrite(({ path }) => this.#files.knows(path))
    for (const [id, { position }] of before) {
      if (!this.#log.marks.has(id) && this.#marks.get(id) === position) this.#marks.delete(id)
    }
  }
}

function entryOf({ path, stat, length }: OutputFile): FileEntry[] {
  // A device or a pipe has no length to go back to.
  return stat?.kind === 'file' ? [{ path, device: String(stat.device), inode: String(stat.inode), length }] : []
}
