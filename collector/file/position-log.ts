// What a file destination knows durably: how long its files were, and how far each stream was stored, at one moment.
//
//   <data>/<destination>/positions      one record a line, the last whole one counts for each name
//
//   0d4a1b2c {"files":[["/var/log/a.log","2049","131077",48120]],"marks":{"9f…":[1203345,20780]},"gone":[]}\n
//   └ CRC-32 of the rest     path      device  inode   length            stream  position, day of the commit
//
// A commit appends one record and syncs it: that is the transaction. A torn last record is no record. The log is
// rewritten when it has grown, with what is still of use: marks of the last 90 days, and files with uncommitted bytes.

import { crc32 } from 'node:zlib'
import type { Disk, DiskFile } from '../../common/disk.ts'
import { MARK_KEPT_DAYS, POSITION_LOG_BYTES_MAX } from '../../common/limits.ts'

export interface FileEntry {
  readonly path: string
  readonly device: string
  readonly inode: string
  /** Bytes that belong to what the marks cover. */
  readonly length: number
}

export interface MarkEntry {
  readonly position: number
  /** When it was committed, days since the epoch. */
  readonly day: number
}

export interface PositionRecord {
  readonly files: readonly FileEntry[]
  readonly marks: ReadonlyMap<string, number>
}

const DAY_MS = 86_400_000

export class PositionLog {
  readonly #disk: Disk
  readonly #folder: string
  readonly #path: string
  readonly #now: () => number
  /** By device and inode. */
  readonly #files = new Map<string, FileEntry>()
  readonly #marks = new Map<string, MarkEntry>()
  #gone: readonly string[] = []
  #file: DiskFile | undefined
  #bytes = 0
  #last: Promise<void> = Promise.resolve()

  /** `now` gives µs since the epoch. */
  constructor(disk: Disk, folder: string, now: () => number) {
    this.#disk = disk
    this.#folder = folder
    this.#path = `${folder}/positions`
    this.#now = now
  }

  /** Reads what a run before this one left. */
  async read(): Promise<void> {
    if (!(await this.#disk.stat(this.#path))) return
    const bytes = await this.#disk.readFile(this.#path)
    for (let start = 0; start < bytes.length; start = this.#bytes) {
      const end = bytes.indexOf('\n', start)
      const text = bytes.toString('utf8', start + 9, end)
      if (end < 0 || checksum(text) !== bytes.toString('latin1', start, start + 8)) return
      this.#take(JSON.parse(text) as WrittenRecord)
      this.#bytes = end + 1
    }
  }

  get files(): readonly FileEntry[] {
    return [...this.#files.values()]
  }

  get marks(): ReadonlyMap<string, MarkEntry> {
    return this.#marks
  }

  /** The length that is known of a file; undefined where it is not in the log. */
  lengthOf(device: bigint, inode: bigint): number | undefined {
    return this.#files.get(`${device}:${inode}`)?.length
  }

  /** No more bytes of ours come to this file: the next record says so. */
  retire({ device, inode }: { readonly device: bigint; readonly inode: bigint }): void {
    this.#gone = [...this.#gone, `${device}:${inode}`]
  }

  /** Resolves when the record is on the disk. Records are written in call order. */
  append(record: PositionRecord): Promise<void> {
    const written = this.#last.then(() => this.#append(record))
    this.#last = written.catch(() => undefined)
    return written
  }

  /** Rewrites the log with all marks and with those files for which `keeps`. */
  async rewrite(keeps: (entry: FileEntry) => boolean): Promise<void> {
    const today = this.#today()
    for (const [key, entry] of this.#files) if (!keeps(entry)) this.#files.delete(key)
    for (const [id, { day }] of this.#marks) if (day < today - MARK_KEPT_DAYS) this.#marks.delete(id)
    await this.close()
    const bytes = encode([...this.#files.values()], this.#marks, [])
    await this.#disk.makeFolder(this.#folder)
    await this.#disk.replaceFile(this.#path, bytes)
    this.#bytes = bytes.length
  }

  get isLarge(): boolean {
    return this.#bytes > POSITION_LOG_BYTES_MAX
  }

  async close(): Promise<void> {
    await this.#last
    await this.#file?.close()
    this.#file = undefined
  }

  async #append({ files, marks }: PositionRecord): Promise<void> {
    if (!this.#file) await this.#open()
    const day = this.#today()
    const dated = new Map([...marks].map(([id, position]) => [id, { position, day }]))
    const gone = this.#gone
    const bytes = encode(files, dated, gone)
    // At the end of the last whole record: what an append that failed left there is overwritten.
    await this.#file!.write(bytes, 0, bytes.length, this.#bytes)
    await this.#file!.sync()
    this.#bytes += bytes.length
    for (const key of gone) this.#files.delete(key)
    this.#gone = this.#gone.filter((key) => !gone.includes(key))
    for (const entry of files) this.#files.set(`${entry.device}:${entry.inode}`, entry)
    for (const [id, entry] of dated) this.#marks.set(id, entry)
  }

  async #open(): Promise<void> {
    await this.#disk.makeFolder(this.#folder)
    this.#file = await this.#disk.open(this.#path, 'write')
    await this.#file.truncate(this.#bytes)
    await this.#disk.syncFolder(this.#folder)
  }

  #today(): number {
    return Math.floor(this.#now() / 1000 / DAY_MS)
  }

  #take({ files, marks, gone }: WrittenRecord): void {
    for (const key of gone) this.#files.delete(key)
    for (const [path, device, inode, length] of files) {
      this.#files.set(`${device}:${inode}`, { path, device, inode, length })
    }
    for (const [id, [position, day]] of Object.entries(marks)) this.#marks.set(id, { position, day })
  }
}

interface WrittenRecord {
  readonly files: readonly [path: string, device: string, inode: string, length: number][]
  readonly marks: Readonly<Record<string, [position: number, day: number]>>
  /** `device:inode` of files that are done with. */
  readonly gone: readonly string[]
}

function encode(files: readonly FileEntry[], marks: ReadonlyMap<string, MarkEntry>, gone: readonly string[]): Buffer {
  const record: WrittenRecord = {
    gone,
    files: files.map(({ path, device, inode, length }) => [path, device, inode, length]),
    marks: Object.fromEntries([...marks].map(([id, { position, day }]) => [id, [position, day]])),
  }
  const text = JSON.stringify(record)
  return Buffer.from(`${checksum(text)} ${text}\n`)
}

const checksum = (text: string) => crc32(text).toString(16).padStart(8, '0')
