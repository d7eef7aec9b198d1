// The durable state of a file destination: the lengths of its files, and how far each stream was stored, at one moment.
//
//   <data>/<destination>/positions      one record per line; the last one that names a file or stream counts
//
//   0d4a1b2c {"files":[["/var/log/a.log","2049","131077",48120,"17958…"]],"streams":{"9f…":[1203345,20870]},"gone":[]}\n
//   └ CRC-32 of the rest     path      device  inode   length  born              stream  position, last day it is kept
//
// A commit appends one record and syncs it: that is the transaction. An invalid record at the end was torn by a crash and is ignored.
// An invalid record before a valid one is damage: lengths before it may be out of date, and no file is truncated to them. When the log
// has grown, it is rewritten with what is still needed: marks that have not expired, and files that may have uncommitted bytes.

import { crc32 } from 'node:zlib'
import { accessData } from '../../common/data-access.ts'
import type { Disk, DiskFile, FileStat } from '../../common/disk.ts'
import { DurableNames } from '../../common/durable-names.ts'
import { POSITION_LOG_BYTES_MAX } from '../../common/limits.ts'
import { forgetSurplus, positionsOf } from '../../common/pipeline/stream-marks.ts'

export interface FileEntry {
  readonly path: string
  readonly device: string
  readonly inode: string
  /** The committed length: bytes whose lines the stream marks cover. */
  readonly length: number
  /** When the file was created, in nanoseconds since the epoch; absent where that is unknown. */
  readonly born?: string | undefined
}

/** Whether this is the file of the entry, and not another one that was given the inode of a removed file. */
export function isFileOf({ device, inode, born }: FileEntry, stat: FileStat): boolean {
  if (String(stat.device) !== device || String(stat.inode) !== inode) return false
  return born === undefined || stat.bornNs === undefined || String(stat.bornNs) === born
}

export interface Mark {
  readonly position: number
  /** The last day on which the mark is kept, days since the epoch. */
  readonly until: number
}

export interface PositionRecord {
  readonly files: readonly FileEntry[]
  readonly marks: ReadonlyMap<string, Mark>
  /** Files that are not written to any more. */
  readonly gone: readonly Inode[]
}

type Inode = Pick<FileStat, 'device' | 'inode'>

const DAY_MS = 86_400_000

export class PositionLog {
  readonly #disk: Disk
  readonly #folder: string
  readonly #path: string
  readonly #now: () => number
  /** By device and inode. */
  readonly #files = new Map<string, FileEntry>()
  readonly #marks = new Map<string, Mark>()
  /** Files whose latest length may have been in a damaged record. */
  readonly #doubtful = new Set<string>()
  #damagedBytes = 0
  /** Files that are not written to any more, for the next record. */
  readonly #gone: string[] = []
  #file: DiskFile | undefined
  #bytes = 0
  /** Its size when it was last rewritten, bytes. */
  #bytesAtRewrite = 0
  #last: Promise<void> = Promise.resolve()
  /** The last rewrite failed: the log has to be rewritten before anything is appended to it. */
  #isUncertain = false

  /** `now` gives µs since the epoch. */
  constructor(disk: Disk, folder: string, now: () => number) {
    this.#disk = disk
    this.#folder = folder
    this.#path = `${folder}/positions`
    this.#now = now
  }

  /** Reads the log of the previous run. Rejects as `accessData` does. */
  async read(): Promise<void> {
    const bytes = await accessData(this.#path, async () =>
      (await this.#disk.stat(this.#path)) ? this.#disk.readFile(this.#path) : undefined,
    )
    if (!bytes) return
    this.#readRecords(bytes)
    this.#forget()
  }

  #readRecords(bytes: Buffer): void {
    for (let start = 0, end = 0; (end = bytes.indexOf('\n', start)) >= 0; start = end + 1) {
      const text = bytes.toString('utf8', start + 9, end)
      if (checksum(text) !== bytes.toString('latin1', start, start + 8)) continue
      if (start > this.#bytes) {
        this.#damagedBytes += start - this.#bytes
        for (const key of this.#files.keys()) this.#doubtful.add(key)
      }
      this.#take(JSON.parse(text) as WrittenRecord)
      this.#bytes = end + 1
    }
  }

  /** Bytes of invalid records before a valid one. */
  get damagedBytes(): number {
    return this.#damagedBytes
  }

  get isEmpty(): boolean {
    return this.#bytes === 0
  }

  /** Whether the length of a file may be out of date because of damage. */
  doubts({ device, inode }: FileEntry): boolean {
    return this.#doubtful.has(`${device}:${inode}`)
  }

  get files(): readonly FileEntry[] {
    return [...this.#files.values()]
  }

  get marks(): ReadonlyMap<string, Mark> {
    return this.#marks
  }

  /** How far each of these streams is committed; unknown streams are left out. */
  positionsOf(ids: readonly string[]): ReadonlyMap<string, number> {
    return positionsOf(ids, (id) => this.#marks.get(id))
  }

  /** The committed length of a file; undefined if the log does not contain the file. */
  lengthOf(stat: FileStat): number | undefined {
    const entry = this.#files.get(keyOf(stat))
    return entry && isFileOf(entry, stat) ? entry.length : undefined
  }

  /** Notes that a file is not written to any more; the next record contains it. */
  retire(file: Inode): void {
    this.#gone.push(keyOf(file))
  }

  /** Appends a record; resolves when it is on disk. Records are written in call order. */
  append(record: PositionRecord): Promise<void> {
    return this.#inTurn(() => this.#append(record))
  }

  /** Rewrites the log with the marks that have not expired and with the files for which `keeps` is true. */
  rewrite(keeps: (entry: FileEntry) => boolean): Promise<void> {
    return this.#inTurn(() => this.#rewrite(keeps))
  }

  /** Whether the log is worth rewriting. The limit grows with its size after the last rewrite, so that a large state is not rewritten again and again. */
  get isLarge(): boolean {
    return this.#bytes > Math.max(POSITION_LOG_BYTES_MAX, 2 * this.#bytesAtRewrite)
  }

  /** Days since the epoch. */
  get today(): number {
    return Math.floor(this.#now() / 1000 / DAY_MS)
  }

  async close(): Promise<void> {
    await this.#last
    await this.#file?.close()
    this.#file = undefined
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => undefined)
    return done
  }

  async #rewrite(keeps: (entry: FileEntry) => boolean): Promise<void> {
    for (const [key, entry] of this.#files) if (!keeps(entry)) this.#files.delete(key)
    this.#forget()
    await this.#file?.close()
    this.#file = undefined
    const bytes = encode([...this.#files.values()], this.#marks, [])
    // After a failure either content may be on disk.
    this.#isUncertain = true
    await this.#disk.makeFolder(this.#folder)
    await this.#disk.replaceFile(this.#path, bytes)
    this.#isUncertain = false
    this.#bytes = bytes.length
    this.#bytesAtRewrite = bytes.length
  }

  /** Drops expired marks, and those of too many streams. */
  #forget(): void {
    const { today } = this
    for (const [id, { until }] of this.#marks) if (until < today) this.#marks.delete(id)
    forgetSurplus(this.#marks)
  }

  async #append({ files, marks, gone: left }: PositionRecord): Promise<void> {
    if (this.#isUncertain) await this.#rewrite(() => true)
    if (!this.#file) await this.#open()
    const retired = this.#gone.length
    const gone = [...this.#gone, ...left.map(keyOf)]
    const bytes = encode(files, marks, gone)
    // Writes at the end of the last valid record: the remains of a failed append are overwritten.
    await this.#file!.write(bytes, 0, bytes.length, this.#bytes)
    await this.#file!.sync()
    this.#bytes += bytes.length
    for (const key of gone) this.#files.delete(key)
    this.#gone.splice(0, retired)
    for (const entry of files) this.#files.set(`${entry.device}:${entry.inode}`, entry)
    for (const [id, mark] of marks) this.#mark(id, mark)
  }

  async #open(): Promise<void> {
    await this.#disk.makeFolder(this.#folder)
    const file = await this.#disk.open(this.#path, 'write')
    try {
      await file.truncate(this.#bytes)
      await new DurableNames(this.#disk).sync(this.#path)
    } catch (error) {
      await file.close()
      throw error
    }
    // Only after the folder is synced: otherwise the file's name may be lost, and its records with it.
    this.#file = file
  }

  #take({ files, streams, gone }: WrittenRecord): void {
    for (const key of gone) this.#files.delete(key)
    for (const [path, device, inode, length, born] of files) {
      this.#files.set(`${device}:${inode}`, { path, device, inode, length, born: born ?? undefined })
      this.#doubtful.delete(`${device}:${inode}`)
    }
    for (const [id, [position, until]] of Object.entries(streams)) this.#mark(id, { position, until })
  }

  // Deleted first, so that the map is in the order of the last change: of marks of one day, the first are forgotten first.
  #mark(id: string, mark: Mark): void {
    this.#marks.delete(id)
    this.#marks.set(id, mark)
  }
}

interface WrittenRecord {
  readonly files: readonly [path: string, device: string, inode: string, length: number, born?: string | null][]
  readonly streams: Readonly<Record<string, [position: number, until: number]>>
  /** `device:inode` of files that are not written to any more. */
  readonly gone: readonly string[]
}

function encode(files: readonly FileEntry[], marks: ReadonlyMap<string, Mark>, gone: readonly string[]): Buffer {
  const record: WrittenRecord = {
    gone,
    files: files.map(({ path, device, inode, length, born }) => [path, device, inode, length, born]),
    streams: Object.fromEntries([...marks].map(([id, { position, until }]) => [id, [position, until]])),
  }
  const text = JSON.stringify(record)
  return Buffer.from(`${checksum(text)} ${text}\n`)
}

/** Whether both are of one file: the same inode on the same device. */
export function isSameFile(one: Inode, other: Inode): boolean {
  return one.inode === other.inode && one.device === other.device
}

const keyOf = ({ device, inode }: Inode) => `${device}:${inode}`

const checksum = (text: string) => crc32(text).toString(16).padStart(8, '0')
