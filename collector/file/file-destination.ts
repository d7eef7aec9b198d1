// The `file` destination: appends lines to one file, or to many by a path template.
//
//   batch ─▶ render, line by line ─▶ buffer of each file it touches ─▶ one write in flight per file ─▶ settled
//                                                                         streams: ─▶ commit ─▶ settled
//
// What a settled write guarantees depends on whether its source can read again. A batch without a stream (UDP, TCP, sockets)
// settles when the kernel has the bytes: they survive the death of this process, but not of the machine. Waiting for the disk would
// gain nothing, since the sender will not send again. A batch of a stream settles when its lines and its position are on disk, in
// one transaction (`commits.ts`).

import type { Cancel } from '../../common/clock.ts'
import type { DiskFile } from '../../common/disk.ts'
import { Fault } from '../../common/fault.ts'
import { FILE_BUFFER_BYTES_MAX, FILE_MINUTE_MS, FILE_PAUSE_MS, IDLE_FILE_MINUTES } from '../../common/limits.ts'
import { writeLines, type LineFormat } from '../../common/message/line-format.ts'
import type { Zone } from '../../common/message/zone.ts'
import type { Platform } from '../../common/platform.ts'
import { hasStream, releaseBatch, selectMessages, type Batch } from '../../common/pipeline/batch.ts'
import type { Destination, StreamMarks } from '../../common/pipeline/sink.ts'
import { fieldText } from '../line-template.ts'
import { Commits } from './commits.ts'
import { FileKeeper } from './file-keeper.ts'
import { FileOpener, type FileAccess } from './file-opener.ts'
import { FileSet } from './file-set.ts'
import { FileTargets } from './file-targets.ts'
import { FolderSweeps } from './folder-sweeps.ts'
import { OutputPool } from './output-pool.ts'
import { Pause, type OutputFile } from './output-file.ts'
import { PathOwnership } from './path-ownership.ts'
import { compilePath, standInPath, type PathTemplate } from './path-template.ts'
import { PositionLog } from './position-log.ts'
import { Recovery } from './recovery.ts'
import type { CompressFrame } from './rotated-files.ts'
import { Rotation, type RotateOptions } from './rotation.ts'
import { PendingWrite } from './pending-write.ts'

export interface FileDestinationOptions {
  readonly path: string
  readonly line: LineFormat
  readonly access: FileAccess
  /** Maximum number of open files. */
  readonly filesMax: number
  /** Pause between two writes to a file, ms. */
  readonly pauseMs?: number
  readonly rotate?: RotateOptions | undefined
  /** Absent if rotated files are not compressed. */
  readonly compressFrame?: CompressFrame | undefined
}

export interface FileSurroundings {
  readonly platform: Platform
  readonly zone: Zone
  /** `data:`. The position log, and lines that a recovery cuts off, are saved below it. */
  readonly dataFolder: string
}

/** A batch that has found no room yet. */
interface Held {
  readonly batch: Batch
  readonly pending: PendingWrite
}

// A single file gets whole batches; each of many files gets a few lines at a time.
const OUTPUT_BYTES_FIXED = 320 * 1024
const OUTPUT_BYTES_TEMPLATED = 1024

const NEWLINE = 0x0a

export class FileDestination implements Destination {
  readonly name: string
  readonly #options: FileDestinationOptions
  readonly #platform: Platform
  readonly #zone: Zone
  /** Its own folder in the data folder. */
  readonly #folder: string
  readonly #recovery: Recovery
  readonly #template: PathTemplate
  readonly #names: PathOwnership
  readonly #opener: FileOpener
  readonly #files: FileSet
  readonly #keeper: FileKeeper
  readonly #log: PositionLog
  readonly #commits: Commits
  readonly streams: StreamMarks = {
    // Until the recovery is over, the log of the last run may not be on disk, and no stream is known: sources send again from their own
    // checkpoints, and what is stored already is skipped.
    marks: (ids) => Promise.resolve(this.#begun ? this.#log.positionsOf(ids) : new Map()),
    retire: (ids) => this.#untilClosed(() => this.#recovery.over.then(() => this.#commits.retire(ids))),
  }
  readonly #rotation: Rotation | undefined
  readonly #sweeps: FolderSweeps | undefined
  readonly #targets: FileTargets | undefined
  /** The only file, if the path has no fields. */
  readonly #fixed: OutputFile | undefined
  #writes = 0
  /** `#writes` at the end of each of the last minutes, the latest first. */
  #writesByMinute: number[] = []
  #unwritten = 0
  #held: Held[] = []
  /** All writes that have not settled, those of held batches included. */
  readonly #open = new Set<PendingWrite>()
  #touched: OutputFile[] = []
  #minute: Cancel | undefined
  #begun = false
  #closing = false

  constructor(name: string, options: FileDestinationOptions, surroundings: FileSurroundings) {
    const { platform, zone, dataFolder } = surroundings
    const { disk, clock } = platform
    this.name = name
    this.#options = options
    this.#platform = platform
    this.#zone = zone
    this.#template = compilePath(options.path)
    this.#names = new PathOwnership(this.#template, dataFolder)
    this.#opener = new FileOpener(disk, options.access)
    const isFixed = this.#template.fields.length === 0
    const pool = new OutputPool(isFixed ? OUTPUT_BYTES_FIXED : OUTPUT_BYTES_TEMPLATED)
    this.#folder = `${dataFolder}/${name}`
    this.#log = new PositionLog(disk, this.#folder, () => clock.now())
    this.#recovery = new Recovery(name, this.#log, dataFolder, platform)
    this.#keeper = this.#makeKeeper(isFixed)
    const onWritten = (bytes: number) => this.#written(bytes)
    this.#files = new FileSet(
      {
        ...{ name, filesMax: options.filesMax, isTemplated: !isFixed },
        ...{ pauseMs: options.pauseMs ?? FILE_PAUSE_MS, onWritten },
      },
      platform,
      this.#keeper,
      pool,
    )
    this.#commits = new Commits(name, platform, this.#log, this.#files)
    // Rotation is told first, so that the length saved by commits is that of the file after a rotation.
    if (options.rotate) {
      this.#rotation = this.#makeRotation(options.rotate)
      this.#sweeps = this.#makeSweeps(options.rotate, this.#rotation)
      this.#keeper.tell(this.#rotation)
    }
    this.#keeper.tell(this.#commits)
    const standIn = standInPath(this.#template)
    if (isFixed) this.#fixed = this.#files.file(standIn)
    else {
      const fileAt = (path: string) => this.#files.file(this.#names.isAnothers(path) ? standIn : path)
      const seed = platform.random.bytes(4).readInt32LE()
      this.#targets = new FileTargets(this.#template, zone, seed, fileAt, fieldText)
    }
  }

  #makeKeeper(isFixed: boolean): FileKeeper {
    const standIn = () => this.#files.file(standInPath(this.#template))
    const onOpen = (by: number) => this.#files.countOpen(by)
    return new FileKeeper({ name: this.name, onOpen, ...(!isFixed && { standIn }) }, this.#platform, this.#opener)
  }

  #makeRotation(rotate: RotateOptions): Rotation {
    const { disk, clock, log } = this.#platform
    return new Rotation(rotate, {
      ...{ name: this.name, disk, clock, log, zone: this.#zone, keeper: this.#keeper },
      isTemplated: this.#template.fields.length > 0,
      commit: (file) => this.#commitOf(file),
      rotated: (folder) => this.#sweeps?.sweep(folder),
      left: (file) => this.#commits.left(file),
    })
  }

  #makeSweeps(rotate: RotateOptions, rotation: Rotation): FolderSweeps {
    const options = {
      ...{ name: this.name, folder: this.#folder, template: this.#template, rotate, rotation, zone: this.#zone },
      ...{ files: this.#files, commits: this.#commits, compressFrame: this.#options.compressFrame },
      isOurs: (path: string) => this.#names.had(path),
      own: (file: DiskFile) => this.#opener.own(file),
    }
    return new FolderSweeps(options, this.#platform)
  }

  /** Does not wait for a failing disk: the recovery is retried in the background, so that this destination does not stop others. */
  async open(): Promise<void> {
    await this.#opener.prepare()
    await this.#log.read()
    const begun = this.#recovery.over.then(() => this.#begin())
    if (await this.#recovery.begin()) await begun
  }

  #begin(): Promise<void> {
    this.#files.begin()
    this.#commits.begin()
    this.#rotation?.dayBegins(this.#platform.clock.now())
    this.#begun = true
    const opened = this.#fixed && this.#openOnce(this.#fixed)
    this.#written(0)
    void this.#sweeps?.begin()
    this.#startMinute()
    return opened ?? Promise.resolve()
  }

  write(batch: Batch): Promise<void> {
    if (this.#closing) return Promise.reject(this.#takesNothing())
    const pending = new PendingWrite()
    const settled = this.#untilSettled(pending)
    if (this.#held.length === 0 && this.#hasRoom) this.#take(batch, pending)
    else this.#held.push({ batch, pending })
    return settled
  }

  #untilSettled(pending: PendingWrite): Promise<void> {
    this.#open.add(pending)
    return pending.settled.finally(() => this.#open.delete(pending))
  }

  get #hasRoom(): boolean {
    return this.#begun && this.#unwritten < FILE_BUFFER_BYTES_MAX
  }

  /** Writes what is buffered to the open files, then opens all files again by their paths. */
  async reopen(): Promise<void> {
    const reopened: Promise<void>[] = []
    for (const file of this.#files.all()) if (file.handle || file.hasWork) reopened.push(this.#reopen(file))
    await Promise.all(reopened)
  }

  async close(deadlineMs: number): Promise<void> {
    this.#closing = true
    this.#minute?.()
    const { clock } = this.#platform
    let isLate = false
    let cancel = () => {}
    const deadline = new Promise<void>((resolve) => {
      cancel = clock.after(deadlineMs, () => {
        isLate = true
        resolve()
      })
    })
    await Promise.race([this.#drain().then(() => this.#files.stop()), deadline])
    cancel()
    await this.#recovery.stop()
    void this.#files.stop()
    this.#commits.stop()
    const stopping = new Fault('STOPPING', `${this.name} was stopped before it could write`)
    this.#held = []
    for (const pending of this.#open) pending.reject(stopping)
    await this.#sweeps?.stop()
    this.#names.end()
    for (const file of this.#files.all()) await this.#keeper.close(file)
    // Everything is committed, so the lengths are removed from the log: what others append until the next start must not be cut.
    if (!isLate && this.#begun && this.#log.files.length > 0) await this.#log.rewrite(() => false)
    await this.#log.close()
  }

  async #drain(): Promise<void> {
    // Batches that are held are taken once the recovery is over.
    await this.#recovery.over
    while (this.#open.size > 0) await Promise.allSettled([...this.#open].map(({ settled }) => settled))
    await this.#commits.now()
  }

  #takesNothing(): Fault {
    return new Fault('STOPPING', `${this.name} takes nothing more`)
  }

  // Treats a commit like an open write, which is rejected if it is not done by the deadline of `close`.
  #untilClosed(commit: () => Promise<void>): Promise<void> {
    if (this.#closing) return Promise.reject(this.#takesNothing())
    const pending = new PendingWrite()
    void commit().then(() => pending.release())
    return this.#untilSettled(pending)
  }

  #take(batch: Batch, pending: PendingWrite): void {
    const isStream = hasStream(batch)
    if (batch.count === 0 && !isStream) return pending.release()
    this.#writes += 1
    const fresh = isStream ? this.#commits.fresh(batch) : undefined
    const part = fresh ? selectMessages(batch, fresh) : batch
    this.#render(part, pending)
    if (part !== batch) releaseBatch(part)
    if (isStream) this.#commits.advance(batch)
    this.#settleTouched(pending, isStream, batch.awaited === true)
    if (isStream || pending.tracked) {
      pending.hold()
      void this.#commits.committed(pending.bytes, batch.awaited === true).then(() => pending.release())
    }
    pending.release()
  }

  #render(batch: Batch, pending: PendingWrite): void {
    const { line } = this.#options
    if (batch.count === 0) return
    this.#endDay()
    if (this.#fixed) {
      const { output } = this.#fixed
      const before = output.length
      writeLines(line, batch, output)
      pending.bytes += output.length - before
      this.#fixed.note(pending)
      this.#touched.push(this.#fixed)
      return
    }
    this.#targets!.each(batch, (i, file, run) => {
      const { output } = file
      const before = output.length
      line.write(batch, i, run, output)
      output.byte(NEWLINE)
      pending.bytes += output.length - before
      if (file.note(pending)) this.#touched.push(file)
    })
  }

  #settleTouched(pending: PendingWrite, isStream: boolean, awaited: boolean): void {
    this.#unwritten += pending.bytes
    for (const file of this.#touched) {
      file.usedAt = this.#writes
      if (isStream) file.tracked = true
      if (awaited) file.awaited = true
      if (file.tracked) {
        pending.tracked = true
        this.#commits.touch(file)
      }
    }
    // A rotation may start a commit of all files, so it is considered only after the whole batch is rendered.
    for (const file of this.#touched) {
      this.#rotation?.grown(file)
      this.#files.work(file)
    }
    this.#touched.length = 0
  }

  #endDay(): void {
    if (!this.#rotation?.dayBegins(this.#platform.clock.now())) return
    for (const file of this.#files.all()) {
      this.#rotation.endDay(file)
      this.#files.work(file)
    }
    void this.#sweeps?.begin()
  }

  #written(bytes: number): void {
    this.#unwritten -= bytes
    while (this.#held.length > 0 && this.#hasRoom) {
      const { batch, pending } = this.#held.shift()!
      this.#take(batch, pending)
    }
  }

  #commitOf(file: OutputFile): Promise<void> | undefined {
    return file.tracked ? this.#commits.now() : undefined
  }

  #reopen(file: OutputFile): Promise<void> {
    const committing = this.#commitOf(file)
    let isCommitted = committing === undefined
    void committing?.then(() => (isCommitted = true))
    return new Promise((resolve) => {
      file.seal(async () => {
        if (!isCommitted) throw new Pause(committing!)
        if (file.handle) {
          await this.#commits.left(file)
          await this.#rotation?.left(file)
          await this.#keeper.close(file)
        }
        await this.#keeper.open(file)
        resolve()
      })
      this.#files.work(file)
    })
  }

  /** Resolves when opening the file has been tried; a failure has been logged by then. */
  #openOnce(file: OutputFile): Promise<void> {
    const { clock } = this.#platform
    return new Promise((resolve) => {
      file.seal(() => this.#keeper.open(file).finally(() => clock.soon(resolve)))
      this.#files.work(file)
    })
  }

  #startMinute(): void {
    if (this.#closing) return
    this.#minute = this.#platform.clock.after(FILE_MINUTE_MS, () => {
      this.#endDay()
      if (this.#targets) void this.#closeIdle(this.#targets)
      this.#startMinute()
    })
  }

  async #closeIdle(targets: FileTargets): Promise<void> {
    this.#writesByMinute.unshift(this.#writes)
    const usedAt = this.#writesByMinute[IDLE_FILE_MINUTES]
    if (usedAt !== undefined) await this.#files.closeIdle(usedAt)
    this.#writesByMinute.length = Math.min(this.#writesByMinute.length, IDLE_FILE_MINUTES)
    // Senders can cause any number of files, so closed ones are forgotten when there are many.
    if (this.#files.size <= 2 * this.#options.filesMax) return
    targets.clear()
    this.#files.forgetClosed((file) => this.#commits.holds(file))
  }
}
