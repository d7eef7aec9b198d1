// Reads an archive: its parts by day, what the rows of each part's blocks say, and the messages of the blocks that cannot be
// ruled out by that. Works while a daemon writes, and without write permission on sealed parts.
//
//   const archive = await openArchive(disk, folder)
//   for (const name of archive.parts) {
//     const part = archive.open(name)
//     for (const block of part.blocks()) {
//       if (block.timeMax < since || !block.mayContain(literal, true)) continue
//       const { bytes, lineStarts, table } = block.decode().lines …
//     }
//     part.close()
//   }
//
// A part is read as it was when it was opened: blocks that are merged meanwhile do not change what is seen. Open it again
// to see what came since. A sealed part is not held; if a server takes it up again, that may be a fault.

import type { Disk, FileStat } from '../../common/disk.ts'
import { errnoOf, Fault } from '../../common/fault.ts'
import { isRowWhole, isWhole, type BlockNumbers } from './checksum.ts'
import { DecodedBlock, readDictionary, type Texts } from './decoded-block.ts'
import { BITMAP_BYTES_MIN, mayContain } from './grams.ts'
import { inColumns, isRaw } from './raw-block.ts'
import { compareParts, fileNameOf, FORMAT_VERSION, partNameOf, type PartName } from './schema.ts'
import { isBegun, openToRead, readFault, type Sqlite, type Statement } from './sqlite.ts'

export class ArchiveReader {
  readonly folder: string
  /** In the order of intake. */
  readonly parts: readonly PartName[]

  constructor(folder: string, parts: readonly PartName[]) {
    this.folder = folder
    this.parts = parts
  }

  /** Throws a Fault for a file that is damaged or that this user may not read; other parts can still be read. */
  open(name: PartName): PartReader {
    return new PartReader(`${this.folder}/${fileNameOf(name)}`, name)
  }
}

async function look(disk: Disk, folder: string): Promise<[stat: FileStat | undefined, names: Buffer[]]> {
  try {
    const stat = await disk.stat(folder)
    return [stat, stat?.kind === 'folder' ? await disk.list(folder) : []]
  } catch (error) {
    if (errnoOf(error) !== 'EACCES') throw error
    const detail = `this user may not read the archive ${folder}; search as the user that sluice runs as, or as root`
    throw new Fault('ARCHIVE_FORBIDDEN', detail, { cause: error })
  }
}

/** Lists the parts of an archive; rejects with ARCHIVE_MISSING where there is none, with ARCHIVE_FORBIDDEN for who may not. */
export async function openArchive(disk: Disk, folder: string): Promise<ArchiveReader> {
  const [stat, names] = await look(disk, folder)
  const parts = names.map((name) => partNameOf(name.toString())).filter((part) => part !== undefined)
  if (stat?.kind !== 'folder') {
    throw new Fault(
      'ARCHIVE_MISSING',
      `there is no archive at ${folder}; name its folder with --archive, or start a server with an archive destination`,
    )
  }
  // One level too high everything would be searched in vain, without a word.
  if (parts.length === 0 && names.some((name) => name.toString() === 'instance')) {
    const sentence = `${folder} is a data folder and no archive; archives are folders in it, named like their destinations`
    throw new Fault('ARCHIVE_MISSING', sentence)
  }
  return new ArchiveReader(folder, parts.sort(compareParts))
}

/** Whether anything was ever stored in the part at `path`; where that cannot be told, it is taken for begun. */
export function isPartBegun(path: string): boolean {
  try {
    const sqlite = openToRead(path)
    try {
      return isBegun(sqlite)
    } finally {
      sqlite.close()
    }
  } catch {
    return true
  }
}

interface BlockRow extends BlockNumbers {
  /** With the checksum of the row. */
  readonly level: number
}

interface Blob {
  readonly blob: Buffer
}

interface DataRow {
  readonly count: number
  readonly fields: Buffer
  readonly texts: Buffer
}

const SUMMARY = 'first, count, level, raw_bytes, time_min, time_max, received_min, received_max, severities, facilities'

/** Of a block of which nothing is known for sure nothing is ruled out. */
const UNKNOWN = { time_min: -Infinity, time_max: Infinity, severities: -1, facilities: -1 }

/** The file, and what is asked of it. */
interface Connection {
  readonly sqlite: Sqlite
  readonly hosts: Statement<Blob>
  readonly programs: Statement<Blob>
  readonly grams: Statement<Blob>
  readonly data: Statement<DataRow>
}

export class PartReader {
  readonly name: PartName
  readonly path: string
  /** Blocks of which `blocks` found that what their rows say is not what was stored: nothing rules them out. */
  damagedRows = 0
  #connection: Connection | undefined
  /** Made, and not written to yet: its tables come with its first commit. A writer may have been killed just then. */
  #isEmpty = false
  #isSealed = false

  /** Throws a Fault. */
  constructor(path: string, name: PartName) {
    this.name = name
    this.path = path
    this.#connection = this.#open()
  }

  #open(): Connection | undefined {
    const sqlite = openToRead(this.path)
    try {
      // One snapshot for everything that is read here, where a writer goes on beside it. Out of WAL mode it would lock the writer out:
      // a server does not start while somebody has its newest part in a pager. There each question has a snapshot of its own.
      sqlite.exec('BEGIN')
      this.#isEmpty = !isBegun(sqlite)
      if (this.#isEmpty) {
        sqlite.close()
        return undefined
      }
      this.#isSealed = sqlite.pragma('journal_mode', { simple: true }) !== 'wal'
      const version = sqlite.prepare<[], { value: number }>("SELECT value FROM meta WHERE key = 'version'").get()
      if (version?.value !== FORMAT_VERSION) {
        throw new Fault('ARCHIVE_UNREADABLE', `${this.path} has a format version that this program does not read`)
      }
      const hosts = sqlite.prepare<unknown[], Blob>('SELECT hosts AS blob FROM block WHERE first = ?')
      const programs = sqlite.prepare<unknown[], Blob>('SELECT programs AS blob FROM block WHERE first = ?')
      const grams = sqlite.prepare<unknown[], Blob>('SELECT grams AS blob FROM data WHERE first = ?')
      const data = sqlite.prepare<unknown[], DataRow>(
        'SELECT count, fields, texts FROM block JOIN data USING (first) WHERE first = ?',
      )
      if (this.#isSealed) sqlite.exec('COMMIT')
      return { sqlite, hosts, programs, grams, data }
    } catch (error) {
      sqlite.close()
      throw readFault(error, this.path)
    }
  }

  /** Opened again where it rests; not for an empty part. */
  get #file(): Connection {
    return (this.#connection ??= this.#open()!)
  }

  /**
   * Lets go of its file until something is asked of it; false where it is not sealed. For parts that are not the newest: nobody
   * changes them.
   */
  rest(): boolean {
    if (this.#isSealed) this.close()
    return this.#isSealed
  }

  /** The blocks in the order of intake, without their messages. */
  blocks(): Block[] {
    if (this.#isEmpty) return []
    const sql = `SELECT ${SUMMARY} FROM block ORDER BY first`
    const rows = this.#ask(() => this.#file.sqlite.prepare<[], BlockRow>(sql).all())
    // What a row says is checked before anything is ruled out by it.
    const known = rows.map((row) => (isRowWhole(row.level, row) ? row : { ...row, ...UNKNOWN }))
    this.damagedRows = known.filter((row, i) => row !== rows[i]).length
    return known.map((row) => new Block(this, row))
  }

  /** All messages, and their raw bytes. */
  totals(): { readonly messages: number; readonly rawBytes: number } {
    if (this.#isEmpty) return { messages: 0, rawBytes: 0 }
    const sql = 'SELECT ifnull(sum(count), 0) AS messages, ifnull(sum(raw_bytes), 0) AS rawBytes FROM block'
    return this.#ask(() => this.#file.sqlite.prepare<[], { messages: number; rawBytes: number }>(sql).get()!)
  }

  close(): void {
    this.#connection?.sqlite.close()
    this.#connection = undefined
  }

  /** For `Block`. */
  dictionary(first: number, of: 'hosts' | 'programs'): Texts | undefined {
    return this.#ask(() => {
      const { blob } = this.#present(this.#file[of].get(first))
      return blob.length > 0 ? readDictionary(blob) : undefined
    })
  }

  /** For `Block`. */
  grams(first: number): Buffer {
    return this.#ask(() => {
      const { blob } = this.#present(this.#file.grams.get(first))
      const bitmap = blob.subarray(0, blob.length - (blob.length % BITMAP_BYTES_MIN))
      if (!isWhole(blob, bitmap.length)) throw new RangeError('an index is not as it was stored')
      return bitmap
    })
  }

  /** For `Block`. */
  decode(first: number, count: number): DecodedBlock {
    return this.#ask(() => {
      const row = this.#present(this.#file.data.get(first))
      const { fields, texts } = this.#present(row.count === count ? row : undefined)
      const hosts = this.#file.hosts.get(first)!.blob
      const programs = this.#file.programs.get(first)!.blob
      const blobs = { hosts, programs, fields, texts }
      const columns = isRaw(blobs) ? inColumns(count, blobs) : blobs
      return new DecodedBlock(first, count, columns, (error) => readFault(error, this.path))
    })
  }

  /** A row of a block, which a server that was started meanwhile may have merged with others. */
  #present<T>(row: T | undefined): T {
    if (row !== undefined) return row
    throw new Fault('ARCHIVE_UNREADABLE', `${this.path} was changed while it was read; search again`)
  }

  #ask<T>(question: () => T): T {
    try {
      const { sqlite } = this.#file
      if (!this.#isSealed) return question()
      sqlite.exec('BEGIN')
      try {
        return question()
      } finally {
        // SQLite itself ends it where the file is damaged.
        if (sqlite.inTransaction) sqlite.exec('COMMIT')
      }
    } catch (error) {
      throw readFault(error, this.path)
    }
  }
}

/** What is known of a block without its messages. */
export class Block {
  /** Ordinal of its first message in its day. */
  readonly first: number
  readonly count: number
  /** Bytes of its messages as they came. */
  readonly rawBytes: number
  /** Of effective times, µs since the epoch. */
  readonly timeMin: number
  readonly timeMax: number
  readonly receivedMin: number
  readonly receivedMax: number
  /** A bit for each severity and facility that occurs. */
  readonly severities: number
  readonly facilities: number
  readonly #part: PartReader

  constructor(part: PartReader, row: BlockRow) {
    this.#part = part
    this.first = row.first
    this.count = row.count
    this.rawBytes = row.raw_bytes
    this.timeMin = row.time_min
    this.timeMax = row.time_max
    this.receivedMin = row.received_min
    this.receivedMax = row.received_max
    this.severities = row.severities
    this.facilities = row.facilities
  }

  /** The exact distinct hosts; undefined where they are not known without reading the block. */
  hosts(): Texts | undefined {
    return this.#part.dictionary(this.first, 'hosts')
  }

  /** The exact distinct programs; an empty one stands for messages without. Undefined as above. */
  programs(): Texts | undefined {
    return this.#part.dictionary(this.first, 'programs')
  }

  /** Whether one of its match lines may have the literal: false is certain. Literals under 6 bytes are never ruled out. */
  mayContain(literal: Uint8Array, ignoreCase: boolean): boolean {
    return mayContain(this.#part.grams(this.first), literal, ignoreCase)
  }

  /** Whether the literal may be there, for several literals of the same block with one read. */
  mayContainAny(literals: readonly Uint8Array[], ignoreCase: boolean): boolean {
    const grams = this.#part.grams(this.first)
    return literals.some((literal) => mayContain(grams, literal, ignoreCase))
  }

  decode(): DecodedBlock {
    return this.#part.decode(this.first, this.count)
  }
}
