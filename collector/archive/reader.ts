// Reads an archive in three steps: its parts, the summaries of each part's blocks, and the messages of those blocks that the
// summaries do not rule out. Works while a daemon writes, and on sealed parts without write permission.
//
//   const archive = await openArchive(disk, folder)
//   for (const name of archive.parts) {
//     const part = archive.open(name)
//     for (const block of part.blocks()) {
//       if (block.timeMax < since || !block.mayContain(literal, true)) continue
//       const { messages, hosts, hostIds } = block.decode() …
//     }
//     part.close()
//   }
//
// A part in WAL mode is read in the snapshot of its opening: merges do not change what is seen, and it has to be opened again
// to see newer messages. A sealed part is not locked between two queries. If a server continues with it meanwhile and merges
// a block, reading that block is a fault.

import type { Disk, FileStat } from '../../common/disk.ts'
import { errnoOf, Fault } from '../../common/fault.ts'
import { isRowWhole, isWhole, type BlockNumbers } from './checksum.ts'
import type { Texts } from './columns.ts'
import { DecodedBlock, readDictionary } from './decoded-block.ts'
import { BITMAP_BYTES_MIN, mayContain } from './grams.ts'
import { inColumns, isRaw } from './raw-block.ts'
import { compareParts, fileNameOf, FORMAT_VERSION, partNameOf, type PartName } from './schema.ts'
import { isBegun, openToRead, readFault, type Sqlite, type Statement } from './sqlite.ts'

export class ArchiveReader {
  readonly folder: string
  /** Oldest first. */
  readonly parts: readonly PartName[]

  constructor(folder: string, parts: readonly PartName[]) {
    this.folder = folder
    this.parts = parts
  }

  /** Opens a part. Throws a Fault if the file is damaged or this user may not read it; other parts can still be read. */
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

/** Lists the parts of an archive. Rejects with ARCHIVE_MISSING if there is none, with ARCHIVE_FORBIDDEN if this user may not read it. */
export async function openArchive(disk: Disk, folder: string): Promise<ArchiveReader> {
  const [stat, names] = await look(disk, folder)
  const parts = names.map((name) => partNameOf(name.toString())).filter((part) => part !== undefined)
  if (stat?.kind !== 'folder') {
    throw new Fault(
      'ARCHIVE_MISSING',
      `there is no archive at ${folder}; name its folder with --archive, or start a server with an archive destination`,
    )
  }
  // A user who names another folder, such as the data folder, would otherwise get no results and no error.
  if (parts.length === 0 && names.some((name) => !mayBeInEmpty(name.toString()))) {
    const isData = names.some((name) => name.toString() === 'instance')
    const sentence = isData
      ? `${folder} is a data folder and no archive; archives are folders in it, named like their destinations`
      : `there is no archive in ${folder}, only other files; an archive is the folder <data>/<name of the destination>`
    throw new Fault('ARCHIVE_MISSING', sentence)
  }
  return new ArchiveReader(folder, parts.sort(compareParts))
}

/** What an archive without a part may have in it: files beside a part that is gone, `swept`, and what a file system has at its root. */
const mayBeInEmpty = (name: string) => /^\d{4}-\d\d-\d\d\.|^swept(\.new)?$|^lost\+found$/.test(name)

/** Whether anything was ever committed to the part at `path`; true if that cannot be determined. */
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
  /** As stored, with the checksum of the row. */
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

/** Replaces the summary of a block whose row is damaged, so that the block is never ruled out. */
const UNKNOWN = { time_min: -Infinity, time_max: Infinity, severities: -1, facilities: -1 }

/** An open file and its prepared queries. */
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
  /** Number of blocks whose row failed its checksum in the last call of `blocks`; these blocks are never ruled out. */
  damagedRows = 0
  #connection: Connection | undefined
  /** Created but without a commit yet, such as by a writer that was killed just then: the first commit makes the tables. */
  #isEmpty = false
  #isSealed = false

  /** Opens the file. Throws a Fault. */
  constructor(path: string, name: PartName) {
    this.name = name
    this.path = path
    this.#connection = this.#open()
  }

  #open(): Connection | undefined {
    const sqlite = openToRead(this.path)
    try {
      // In WAL mode all queries share one snapshot, and a writer can go on beside it. In a sealed part an open snapshot would lock
      // the writer out: a server could not start while somebody has the newest part open in a pager. So there each query has its own.
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

  /** The open file, opened again after `rest`. Not to be used for an empty part. */
  get #file(): Connection {
    return (this.#connection ??= this.#open()!)
  }

  /**
   * Closes the file until the next query, if the part is sealed; returns whether it did. Only for parts other than the newest, which
   * no server changes any more.
   */
  rest(): boolean {
    if (this.#isSealed) this.close()
    return this.#isSealed
  }

  /** The summaries of all blocks, in intake order. Throws a Fault, as all queries do. */
  blocks(): Block[] {
    if (this.#isEmpty) return []
    const sql = `SELECT ${SUMMARY} FROM block ORDER BY first`
    const rows = this.#ask(() => this.#file.sqlite.prepare<[], BlockRow>(sql).all())
    // A row's checksum is verified before its block may be ruled out by it.
    const known = rows.map((row) => (isRowWhole(row.level, row) ? row : { ...row, ...UNKNOWN }))
    this.damagedRows = known.filter((row, i) => row !== rows[i]).length
    return known.map((row) => new Block(this, row))
  }

  /** The number of messages in the part, and their bytes as they came. */
  totals(): { readonly messages: number; readonly rawBytes: number } {
    if (this.#isEmpty) return { messages: 0, rawBytes: 0 }
    const sql = 'SELECT ifnull(sum(count), 0) AS messages, ifnull(sum(raw_bytes), 0) AS rawBytes FROM block'
    return this.#ask(() => this.#file.sqlite.prepare<[], { messages: number; rawBytes: number }>(sql).get()!)
  }

  close(): void {
    this.#connection?.sqlite.close()
    this.#connection = undefined
  }

  /** For `Block`: a dictionary of a block's row, undefined if the block is stored without it (`raw-block.ts`). */
  dictionary(first: number, of: 'hosts' | 'programs'): Texts | undefined {
    return this.#ask(() => {
      const { blob } = this.#present(this.#file[of].get(first))
      return blob.length > 0 ? readDictionary(blob) : undefined
    })
  }

  /** For `Block`: the bitmap of its n-grams. */
  grams(first: number): Buffer {
    return this.#ask(() => {
      const { blob } = this.#present(this.#file.grams.get(first))
      const bitmap = blob.subarray(0, blob.length - (blob.length % BITMAP_BYTES_MIN))
      if (!isWhole(blob, bitmap.length)) throw new RangeError('an index is not as it was stored')
      return bitmap
    })
  }

  /** For `Block`: its messages. */
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

  /** Asserts that a block's row still exists: a server that was started meanwhile may have merged the block. */
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
        // If the file is damaged, SQLite has already ended the transaction.
        if (sqlite.inTransaction) sqlite.exec('COMMIT')
      }
    } catch (error) {
      throw readFault(error, this.path)
    }
  }
}

/** The summary of a block, which is known without reading its messages. */
export class Block {
  /** Ordinal of its first message within its day. */
  readonly first: number
  readonly count: number
  /** Bytes of its messages as they came. */
  readonly rawBytes: number
  /** Minimum and maximum effective time, µs since the epoch. */
  readonly timeMin: number
  readonly timeMax: number
  readonly receivedMin: number
  readonly receivedMax: number
  /** Bit sets of the severities and facilities that occur. */
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

  /** The exact set of hosts; undefined if it is not known without reading the messages. */
  hosts(): Texts | undefined {
    return this.#part.dictionary(this.first, 'hosts')
  }

  /** The exact set of programs, in which an empty one stands for none; undefined if it is not known without reading the messages. */
  programs(): Texts | undefined {
    return this.#part.dictionary(this.first, 'programs')
  }

  /** Whether the literal may occur in a match line of the block; false is certain. Always true for literals under 6 bytes. */
  mayContain(literal: Uint8Array, ignoreCase: boolean): boolean {
    return mayContain(this.#part.grams(this.first), literal, ignoreCase)
  }

  /** Reads the block's messages, whose columns are decoded when they are used. */
  decode(): DecodedBlock {
    return this.#part.decode(this.first, this.count)
  }
}
