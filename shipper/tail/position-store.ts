// What is known of every file, durably: an append-only log of JSON lines, one a change, the last of a stream counts.
//
//   {"stream":"9f…","device":"64769","inode":"131","path":"/var/log/app.log","head":{"bytes":1024,"hash":"…"},"position":81920,"tail":"…"}
//   {"stream":"9f…","closed":true}
//   {"instance":"4b…"}                 whose streams these are: those of another instance go on under new ids (`common/instance.ts`)
//   {"sweptMs":1795443843574}          with each commit: what was there then is known, or over
//
// A commit appends what has changed and syncs; a line torn by a crash is the last one, and is left out. When the log is
// mostly history it is written anew under another name and renamed over the old one.

import { dirname } from 'node:path'
import { accessData } from '../../common/data-access.ts'
import type { Disk, DiskFile } from '../../common/disk.ts'
import type { Platform } from '../../common/platform.ts'
import { newId } from '../../common/random.ts'
import type { Head } from './fingerprint.ts'

export interface FileRecord {
  /** The stream's id. */
  readonly stream: string
  readonly device: string
  readonly inode: string
  /** As a name text. */
  readonly path: string
  /** The same without any link in it, where that is another: what is made of the file is beside it there. */
  readonly realPath?: string | undefined
  /** The path under which it was written, where it was renamed since. */
  readonly rotatedFrom?: string | undefined
  readonly head: Head
  /** Everything before it has settled. */
  readonly position: number
  /** The bytes before it, in base64. */
  readonly tail: string
  /** Since when its file has not been found, ms since the epoch. */
  readonly goneMs?: number
  /** Bytes that were seen of it and not read, while they may still be found. */
  readonly unread?: number | undefined
}

interface Closed {
  readonly stream: string
  readonly closed: true
}

interface Swept {
  readonly sweptMs: number
}

interface Owner {
  readonly instance: string
}

type Entry = FileRecord | Closed | Swept | Owner

type PositionPlatform = Pick<Platform, 'disk' | 'random' | 'instance' | 'log'>

// The log is written anew when it is this large and four times what is live.
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
  #tail: Promise<void> = Promise.resolve()

  constructor(path: string, platform: PositionPlatform) {
    this.#path = path
    this.#platform = platform
    this.#disk = platform.disk
  }

  /**
   * Reads what was known; true where a commit has ever been. Nothing is written before the next one. Rejects with
   * `DATA_UNWRITABLE`.
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

  /** When the last whole look at all files began, ms since the epoch. */
  get sweptMs(): number | undefined {
    return this.#sweptMs
  }

  /** All that was there then is set; to be written with the next commit that has a change. */
  swept(ms: number): void {
    this.#sweptMs = ms
  }

  /** The next commit is written whether or not anything is known: the first start was this one. */
  begin(): void {
    this.#isFirst = true
  }

  /** To be written with the next commit. */
  set(record: FileRecord): void {
    this.#live.set(record.stream, record)
    this.#changes.set(record.stream, record)
  }

  /** The stream is over: its file is read to its end and gone. */
  remove(stream: string): void {
    if (!this.#live.delete(stream)) return
    this.#changes.set(stream, { stream, closed: true })
  }

  /** The streams whose end is on the disk since the last call: nothing of them comes again. */
  takeOver(): string[] {
    return this.#over.splice(0)
  }

  /** Resolves when everything set before this call is on the disk. */
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
    // Behind the last newline is nothing, or what a crash tore: what it said was not relied upon yet.
    for (const line of text.split('\n').slice(0, -1)) {
      const entry = readEntry(line)
      if (!entry) damaged += 1
      else if ('sweptMs' in entry) this.#sweptMs = entry.sweptMs
      else if ('instance' in entry) owner = entry.instance
      else if ('closed' in entry) this.#live.delete(entry.stream)
      else this.#live.set(entry.stream, entry)
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
   * The streams are another instance's, which goes on with them; they are not over. The new ids are written with the first
   * commit, which writes everything, and no batch leaves before it.
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
    } catch (error) {
      for (const [stream, entry] of changes) if (!this.#changes.has(stream)) this.#changes.set(stream, entry)
      // Half a line may stand at its end, and after a failed sync nobody knows what does: it is written anew.
      await this.#letGo()
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

  // When it was swept comes last: where the end is torn, nothing says that all before it is there.
  #lines(entries: Iterable<Entry>): Buffer {
    const all = [...entries]
    if (this.#sweptMs !== undefined) all.push({ sweptMs: this.#sweptMs })
    return Buffer.from(all.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
  }

  async #letGo(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close().catch(() => {}) // nothing in it counts any more
  }
}

/** The names that a file was known by. */
export function namesOf({ path, realPath }: Pick<FileRecord, 'path' | 'realPath'>): readonly string[] {
  return realPath === undefined ? [path] : [path, realPath]
}

/** The name that it was written under. */
export function writtenName({ path, rotatedFrom }: Pick<FileRecord, 'path' | 'rotatedFrom'>): string {
  return rotatedFrom ?? path
}

/** What a line says; undefined where it is none of ours. */
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
    typeof head === 'object' &&
    Number.isSafeInteger(head.bytes) &&
    typeof head.hash === 'string'
  )
}
