// The checkpoints of a file source: an append-only log of JSON lines, one per change. The last line of a stream counts.
//
//   {"stream":"9f…","device":"64769","inode":"131","path":"/var/log/app.log","head":{"bytes":1024,"hash":"…"},"position":81920,"tail":"…"}
//   {"stream":"9f…","closed":true}
//   {"instance":"4b…"}                 the owner of the streams: those of another instance continue under new ids (`common/instance.ts`)
//   {"sweptMs":1795443843574}          with each commit: files that existed then are in the log, or were read to their end
//   {"sweptMs":…,"isPartial":true}     the last sweep was later, and missed some file
//
// A commit appends the changes and syncs. Only the last line can be torn by a crash, and it is ignored. When most of the log is
// history, the live records are written to a new file, which is renamed over the old one.

import { dirname } from 'node:path'
import { accessData } from '../../common/data-access.ts'
import type { Disk, DiskFile } from '../../common/disk.ts'
import { reasonOf } from '../../common/fault.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import type { Platform } from '../../common/platform.ts'
import { newId } from '../../common/random.ts'
import type { Head } from './fingerprint.ts'

/** The checkpoint of a stream. */
export interface FileRecord {
  /** The stream's id. */
  readonly stream: string
  readonly device: string
  readonly inode: string
  /** As a name text (`pattern.ts`). */
  readonly path: string
  /** The path without symbolic links, if that is another one: rotated generations are in that folder. */
  readonly realPath?: string | undefined
  /** The path under which it was written, if it was renamed since. */
  readonly rotatedFrom?: string | undefined
  readonly head: Head
  /** Everything before it has settled. */
  readonly position: number
  /** The bytes before the position, in base64. */
  readonly tail: string
  /** Since when its file has been missing, ms since the epoch. */
  readonly goneMs?: number
  /** Bytes of it that were seen but not read, as long as they may still be found. */
  readonly unread?: number | undefined
}

interface Closed {
  readonly stream: string
  readonly closed: true
}

interface Swept {
  readonly sweptMs: number
  readonly isPartial?: boolean
}

interface Owner {
  readonly instance: string
}

type Entry = FileRecord | Closed | Swept | Owner

type PositionPlatform = Pick<Platform, 'clock' | 'disk' | 'random' | 'instance' | 'log'>

// The log is compacted when it is larger than this and than four times the size of its live records.
const COMPACT_BYTES_MIN = 256 * 1024
const LIVE_SHARE = 4

export class PositionStore {
  readonly #path: string
  readonly #disk: Disk
  readonly #platform: PositionPlatform
  readonly #live = new Map<string, FileRecord>()
  #changes = new Map<string, FileRecord | Closed>()
  #over: string[] = []
  #file: DiskFile | undefined
  #bytes = 0
  #liveBytes = 0
  #isFirst = false
  #sweptMs: number | undefined
  #isPartial = false
  readonly #warning: RateLimitedWarning
  #isFailing = false
  #tail: Promise<void> = Promise.resolve()

  constructor(path: string, platform: PositionPlatform) {
    this.#path = path
    this.#platform = platform
    this.#disk = platform.disk
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
  }

  /**
   * Reads the log. Returns false if there is none, as at the very first start. Writes nothing; the first commit does. Rejects as
   * `accessData` does.
   */
  async open(): Promise<boolean> {
    const known = await accessData(this.#path, async () => {
      await this.#disk.makeFolder(dirname(this.#path))
      return (await this.#disk.stat(this.#path)) ? this.#disk.readFile(this.#path) : undefined
    })
    if (known) this.#read(known.toString())
    return known !== undefined
  }

  /** Every stream that has not been closed. */
  records(): FileRecord[] {
    return [...this.#live.values()]
  }

  /** Whether the last commit failed. It was logged, and so will be the end of it. */
  get isFailing(): boolean {
    return this.#isFailing
  }

  /** When the last complete sweep began, ms since the epoch. */
  get sweptMs(): number | undefined {
    return this.#sweptMs
  }

  /** Whether a sweep after that one was not complete: files that have left their names since then may have been missed. */
  get isPartial(): boolean {
    return this.#isPartial
  }

  /** Every file that existed then has been set. Written with the next commit that has a change. */
  swept(ms: number): void {
    this.#sweptMs = ms
    this.#isPartial = false
  }

  /** A sweep was not complete. Written with the next commit that has a change. */
  sweptInPart(): void {
    this.#isPartial = true
  }

  /** Makes the next commit write the log even without a record, so that the next start is not the first one. */
  begin(): void {
    this.#isFirst = true
  }

  /** Sets the record of a stream; written with the next commit. */
  set(record: FileRecord): void {
    this.#live.set(record.stream, record)
    this.#changes.set(record.stream, record)
  }

  /** Ends a stream: its file is gone, and nothing of it will be read any more. */
  remove(stream: string): void {
    if (!this.#live.delete(stream)) return
    this.#changes.set(stream, { stream, closed: true })
  }

  /** The streams whose end was committed since the last call: nothing of them is ever sent again. */
  takeOver(): string[] {
    return this.#over.splice(0)
  }

  /** Resolves when everything that was set before this call is on disk. */
  commit(): Promise<void> {
    const commit = this.#tail.then(() => this.#append())
    this.#tail = commit.catch(() => {})
    return commit
  }

  async close(): Promise<void> {
    try {
      await this.commit()
    } finally {
      await this.#letGo()
    }
  }

  #read(text: string): void {
    let owner: string | undefined
    let damaged = text === '' ? 1 : 0
    // After the last newline there is nothing, or a torn line, whose commit has never returned.
    for (const line of text.split('\n').slice(0, -1)) {
      const entry = readEntry(line)
      if (!entry) damaged += 1
      else if ('sweptMs' in entry) [this.#sweptMs, this.#isPartial] = [entry.sweptMs, entry.isPartial === true]
      else if ('instance' in entry) owner = entry.instance
      else if ('closed' in entry) this.#live.delete(entry.stream)
      else {
        this.#live.set(entry.stream, entry)
        this.#isPartial = true // until the end of its commit, which may be torn
      }
    }
    if (damaged > 0) {
      const values = { path: this.#path, damaged, files: this.#live.size }
      this.#platform.log.warn(
        values,
        'reading positions are damaged: files whose position is lost are read again, and their lines may be stored twice',
      )
    }
    if (owner !== this.#platform.instance) this.#renew()
  }

  /**
   * Gives all streams new ids. The old ones belong to another instance, which continues them, so they are not reported as ended.
   * The first commit writes all records with the new ids, before the first batch leaves.
   */
  #renew(): void {
    const records = this.records()
    this.#live.clear()
    for (const record of records) {
      const stream = newId(this.#platform.random)
      this.#live.set(stream, { ...record, stream })
    }
  }

  async #append(): Promise<void> {
    if (this.#changes.size === 0 && !this.#isFirst) return
    const changes = this.#changes
    this.#changes = new Map()
    try {
      const file = this.#file
      if (!file || this.#bytes > Math.max(COMPACT_BYTES_MIN, LIVE_SHARE * this.#liveBytes)) await this.#compact()
      else await this.#write(file, changes)
      this.#isFirst = false
      for (const entry of changes.values()) if ('closed' in entry) this.#over.push(entry.stream)
      if (this.#isFailing) this.#platform.log.info({ path: this.#path }, 'reading positions can be saved again')
      this.#isFailing = false
    } catch (error) {
      for (const [stream, entry] of changes) if (!this.#changes.has(stream)) this.#changes.set(stream, entry)
      // The log may end in half a line, and after a failed sync its content is unknown, so the next commit writes a new file.
      await this.#letGo()
      this.#isFailing = true
      // Followed files are read on: their receivers know how far they are. A new file must not be sent before its stream is on disk.
      const values = { path: this.#path, reason: reasonOf(error) }
      this.#warning.warn(values, 'cannot save reading positions: new files are not read')
      throw error
    }
  }

  async #write(file: DiskFile, changes: ReadonlyMap<string, FileRecord | Closed>): Promise<void> {
    const bytes = this.#lines(changes.values())
    await file.write(bytes, 0, bytes.length)
    await file.sync()
    this.#bytes += bytes.length
  }

  async #compact(): Promise<void> {
    const bytes = this.#lines([{ instance: this.#platform.instance }, ...this.#live.values()])
    await this.#letGo()
    await this.#disk.replaceFile(this.#path, bytes)
    this.#file = await this.#disk.open(this.#path, 'append')
    this.#bytes = bytes.length
    this.#liveBytes = bytes.length
  }

  // `sweptMs` comes last: if the commit is torn, it is missing, and does not claim records that are missing too.
  #lines(entries: Iterable<Entry>): Buffer {
    const all = [...entries]
    if (this.#sweptMs !== undefined) all.push({ sweptMs: this.#sweptMs, ...(this.#isPartial && { isPartial: true }) })
    return Buffer.from(all.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
  }

  async #letGo(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close().catch(() => {}) // this descriptor is not written to again
  }
}

/** The path of a file, and its path without links if that is another one. */
export function namesOf({ path, realPath }: Pick<FileRecord, 'path' | 'realPath'>): readonly string[] {
  return realPath === undefined ? [path] : [path, realPath]
}

/** The path under which the file was written: before its rotation, if it was rotated. */
export function writtenName({ path, rotatedFrom }: Pick<FileRecord, 'path' | 'rotatedFrom'>): string {
  return rotatedFrom ?? path
}

/** The entry on a line; undefined if the line is damaged. */
function readEntry(line: string): Entry | undefined {
  let entry: unknown
  try {
    entry = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof entry !== 'object' || entry === null) return undefined
  if ('sweptMs' in entry) return typeof entry.sweptMs === 'number' ? (entry as Swept) : undefined
  if ('instance' in entry) return typeof entry.instance === 'string' ? (entry as Owner) : undefined
  if (!('stream' in entry) || typeof entry.stream !== 'string') return undefined
  return 'closed' in entry ? (entry as Closed) : isRecord(entry) ? entry : undefined
}

function isRecord(entry: object): entry is FileRecord {
  const { device, inode, path, realPath, rotatedFrom, head, position, tail } = entry as Partial<FileRecord>
  const isTextOrAbsent = (value: unknown) => value === undefined || typeof value === 'string'
  const isNumber = (text: unknown) => typeof text === 'string' && /^\d+$/.test(text)
  return (
    isNumber(device) &&
    isNumber(inode) &&
    typeof path === 'string' &&
    isTextOrAbsent(realPath) &&
    isTextOrAbsent(rotatedFrom) &&
    typeof tail === 'string' &&
    Number.isSafeInteger(position) &&
    Number.isSafeInteger(head?.bytes) &&
    typeof head?.hash === 'string'
  )
}
