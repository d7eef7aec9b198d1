// Commits: the lines of streams and the positions of these streams become durable together, so that each line is stored exactly once.
//
//   rendered   ──────── seal ────────▶     a commit draws a line through all tracked files, between two writes
//   written, synced    up to the line      meanwhile, files are written to after the line
//   position log       lengths at the line + marks at the line, one record, synced
//   settled            the writes before the line
//
// After a crash every file is truncated to its length in the last record, and sources send again what the marks do not cover.
//
// A file is tracked from its first line of a stream on. Its length is in the log before that line is written, so that it is
// truncated there if a crash comes before the first commit. Other writes to a tracked file wait for the commit as well, since their
// lines may be cut off with the rest.

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
import { FORGETS_STREAMS, freshMessages } from '../../common/pipeline/stream-marks.ts'
import type { Platform } from '../../common/platform.ts'
import type { FileWatcher } from './file-keeper.ts'
import type { OutputFile } from './output-file.ts'
import type { FileEntry, Mark, PositionLog, PositionRecord } from './position-log.ts'

/** What commits need of `FileSet`. */
export interface FilesAtWork {
  work(file: OutputFile): void
  open(file: OutputFile): Promise<void>
  knows(path: string): boolean
}

/** A file that was closed before its lines were committed. */
interface Closed {
  readonly entry: FileEntry[]
  readonly stat: FileStat
  readonly synced: Promise<void>
}

export class Commits implements FileWatcher {
  readonly #destination: string
  readonly #platform: Platform
  readonly #log: PositionLog
  readonly #files: FilesAtWork
  readonly #names: DurableNames
  readonly #warning: RateLimitedWarning
  /** How far each stream has been rendered. */
  readonly #marks = new Map<string, number>()
  #changed = new Map<string, Mark>()
  #written = new Set<OutputFile>()
  /** Former inodes of output files (renamed or removed) with lines that the next commit covers. */
  readonly #leaving = new Map<OutputFile, readonly FileStat[]>()
  readonly #closed = new WeakMap<OutputFile, Closed>()
  /** The inode of each output file when its length was last written to the log. */
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

  /** Call when the log has been read. */
  begin(): void {
    for (const [id, { position }] of this.#log.marks) this.#marks.set(id, position)
  }

  /** 1 for each message that is not stored yet, 0 for each repeat, which is counted; undefined if all are new. */
  fresh(batch: Batch): Uint8Array | undefined {
    const fresh = freshMessages(batch, (id) => this.#marks.get(id))
    if (!fresh) return undefined
    const repeats = fresh.reduce((sum, isFresh) => sum + 1 - isFresh, 0)
    if (repeats === 0) return undefined
    this.#platform.metrics.count('sluice_repeats_total', { destination: this.#destination }, repeats)
    return fresh
  }

  /** Call when the new messages of a batch have been rendered: advances the marks. */
  advance(batch: Batch): void {
    for (const { stream } of batch.runs) {
      if (!stream || stream.to <= (this.#marks.get(stream.id) ?? -1)) continue
      this.#move(stream.id, stream.to, MARK_KEPT_DAYS)
    }
  }

  /** Records that streams have ended; resolves when that is committed. */
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

  /** Records that something was rendered for a tracked file. */
  touch(file: OutputFile): void {
    this.#written.add(file)
  }

  /** Resolves when everything rendered up to now is committed: with the next periodic commit, or soon if `awaited`. */
  committed(bytes: number, awaited: boolean): Promise<void> {
    this.#waitingBytes += bytes
    this.#isAwaited ||= awaited
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#schedule()
    })
  }

  /** Starts a commit of everything rendered up to now; resolves when it is done. */
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
   * Called when an output file leaves its inode (rotated, renamed or removed) and the next line goes to another one. If it has lines
   * that are not committed, the inode stays in the position log until they are, so that a recovery can cut them off.
   */
  async left(file: OutputFile): Promise<void> {
    const { stat, handle } = file
    if (!file.tracked || !stat || !handle) return
    if (this.#isUncommitted(file)) {
      await handle.sync()
      this.#leave(file, stat)
    } else this.renamed(stat)
  }

  /** Call when a file without uncommitted lines is written to no more under its name: then the position log forgets it. */
  renamed(stat: FileStat): void {
    void this.#last.then(() => this.#log.retire(stat))
  }

  /**
   * Called when a file is closed to make room for others. If it has lines that are not committed, they are synced now: until the commit
   * somebody may rename the file, and its path leads elsewhere.
   */
  closing(file: OutputFile): Promise<void> | undefined {
    const { stat, handle } = file
    if (!stat || !handle || !this.#isUncommitted(file) || this.#leaving.get(file)?.includes(stat)) return undefined
    const synced = handle.sync()
    this.#closed.set(file, { entry: entryOf(file), stat, synced })
    // Without a sync it has no entry: it is synced by its path.
    synced.catch(() => this.#closed.delete(file))
    return synced
  }

  #isUncommitted(file: OutputFile): boolean {
    return this.#written.has(file) || file.commitsAhead > 0
  }

  #leave(file: OutputFile, stat: FileStat): void {
    this.#leaving.set(file, [...(this.#leaving.get(file) ?? []), stat])
  }

  /** No more commits after the one that is being written. */
  stop(): void {
    this.#stopped = true
    this.#timer?.()
  }

  /** Whether a file has lines that wait for a commit. */
  holds(file: OutputFile): boolean {
    return this.#isUncommitted(file)
  }

  /** Called before a file is written to: saves the length of a tracked file before the first line of a stream. */
  async opened(file: OutputFile): Promise<void> {
    const { stat } = file
    const closed = this.#closed.get(file)
    if (closed && !file.was(closed.stat)) {
      await closed.synced
      this.#leave(file, closed.stat)
    }
    this.#closed.delete(file)
    if (!file.tracked || file.begun || stat?.kind !== 'file') return
    this.#retireRenamed(file, stat)
    const known = this.#log.lengthOf(stat)
    // A length beyond the end belongs to a removed file whose inode number was reused.
    if (known === undefined || known > file.length) {
      await this.#names.sync(file.path)
      await this.#record({ files: entryOf(file), marks: new Map(), gone: [] })
    }
    file.begun = true
  }

  // Retires an inode that was renamed or removed while the file was closed. Otherwise the log would grow by one entry a day for each of
  // thousands of quiet files that logrotate rotates.
  #retireRenamed(file: OutputFile, now: FileStat): void {
    const before = this.#noted.get(file)
    this.#noted.set(file, now)
    if (!before || file.was(before)) return
    // It is kept if it had uncommitted lines when it was closed, which a recovery may have to cut off.
    if (this.#log.lengthOf(before) === file.lengthClosed) this.#log.retire(before)
  }

  // One commit at a time. The next one starts COMMIT_EVERY_MS after the start of the last; at once if somebody waits for it or much is
  // waiting, since a source stops at its bound of open writes.
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
        const closed = this.#closed.get(target)
        if (!target.handle && !closed) await this.#files.open(target)
        await (target.handle?.sync() ?? closed?.synced)
        file.commitsAhead -= 1
        if (!this.#isUncommitted(file)) this.#closed.delete(target)
        resolve({
          files: target.handle || !closed ? entryOf(target) : closed.entry,
          left: this.#leaving.get(file) ?? [],
        })
        this.#leaving.delete(file)
      })
      this.#files.work(file)
    })
  }

  // Retried until it succeeds. Meanwhile the sources wait, which is logged.
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
    // After a stop: the waiting writes have been rejected, so this never settles.
    await new Promise(() => {})
  }

  async #rewrite(): Promise<void> {
    const before = new Map(this.#log.marks)
    await this.#log.rewrite(({ path }) => this.#files.knows(path))
    let streams = 0
    for (const [id, { position, until }] of before) {
      if (this.#log.marks.has(id)) continue
      if (until >= this.#log.today) streams += 1
      if (this.#marks.get(id) === position) this.#marks.delete(id)
    }
    if (streams > 0) this.#warning.warn({ destination: this.#destination, streams }, FORGETS_STREAMS)
  }
}

function entryOf({ path, stat, length }: OutputFile): FileEntry[] {
  // Devices and pipes have no length that they could be truncated to.
  if (stat?.kind !== 'file') return []
  const { device, inode, bornNs } = stat
  return [{ path, device: String(device), inode: String(inode), length, born: bornNs?.toString() }]
}
