// The part that is being written: stores blocks and marks, and merges small blocks.
//
// A commit may make a block as small as one message. Sixteen or more consecutive blocks of one level are merged into one of the
// next level, so that a message is rewritten a few times at most. A block of at least half the wanted size (1 MiB) is final.
//
//   1 1 1 … 1 (16)  →  2;   2 2 2 … 2 (16)  →  3;   run of over 1 MiB  →  final
//
// A single small block between two large ones has nothing to be merged with: it is converted to columns where it is.
//
// After a small commit has settled, its messages are also added to the block that the next merge will store (`gather`), so that
// most of the merge is done when it is due. The alternatives were slower. Reading the small blocks back took twice the time of
// all their commits. Keeping them in memory and encoding them in one go, on this thread or another one, slowed a sender with a
// window down by up to a fifth: it either waits while a whole block is encoded, or has one processor less.
//
// A merge is one transaction and keeps the ordinals, so a reader sees the blocks before it or after it, never a mixture.

import { assert, Fault, reasonOf } from '../../common/fault.ts'
import { ARCHIVE_BLOCK_BYTES, ARCHIVE_LARGE_BYTES, ARCHIVE_MERGE_COUNT } from '../../common/limits.ts'
import { BlockBuilder, type EncodedBlock } from './block-builder.ts'
import { addBlock } from './block-rows.ts'
import { summed, summedLevel } from './checksum.ts'
import { DecodedBlock, type BlockBlobs } from './decoded-block.ts'
import { addRawBlock, isRaw, readRawBlock, type RawBlock } from './raw-block.ts'
import { FORMAT_VERSION, SCHEMA, type PartName } from './schema.ts'
import { isBegun, leaveWal, openToWrite, sqliteCode, writeFault, type Sqlite, type Statement } from './sqlite.ts'

interface SmallBlock {
  readonly first: number
  readonly count: number
  readonly level: number
  readonly raw_bytes: number
  /** 1 if its messages are stored as they came, 0 if they are stored in columns. */
  readonly is_raw: number
}

/** The state of the write path as a part has stored it. */
export interface Intake {
  /** By stream id. */
  readonly marks: ReadonlyMap<string, Mark>
  /** The process that wrote last, and the id of the last write that it stored. */
  readonly instance: number
  readonly settled: number
}

/** How far a stream is stored. */
export interface Mark {
  readonly position: number
  /** When the mark expires, µs since the epoch. */
  readonly until: number
}

export class PartWriter {
  readonly name: PartName
  readonly path: string
  /** The ordinal of the next message. */
  nextOrdinal = 0
  readonly #sqlite: Sqlite
  readonly #begin: Statement
  readonly #end: Statement
  #bytes = 0
  #isNew: boolean
  #insertBlock: Statement | undefined
  #insertData: Statement | undefined
  #setMark: Statement | undefined
  #setMeta: Statement | undefined
  #deleteBlocks: Statement | undefined
  #deleteData: Statement | undefined
  /** The process that the part names as its last writer, once this object has stored it. */
  #instance: number | undefined
  /** The block that the next merge will store: the messages of the last small blocks, from ordinal `#gatheredFirst` on. */
  readonly #builder = new BlockBuilder()
  #gatheredFirst = 0
  /** The consecutive small blocks at the end of the part. */
  #tail: SmallBlock[] = []
  /** Runs of small blocks that are followed by a large one. A run of one is listed only if the block is not in columns yet. */
  #closed: SmallBlock[][] = []

  /** Opens the part, or creates it with `firstOrdinal` as the ordinal of its first message. Throws a Fault. */
  constructor(path: string, name: PartName, firstOrdinal: number) {
    this.path = path
    this.name = name
    this.#sqlite = openToWrite(path)
    try {
      // Prepared once, like all statements of a commit: preparing one takes as long as running it.
      this.#begin = this.#sqlite.prepare('BEGIN IMMEDIATE')
      this.#end = this.#sqlite.prepare('COMMIT')
      this.#isNew = !isBegun(this.#sqlite)
      this.nextOrdinal = firstOrdinal
      if (!this.#isNew) this.#load()
      this.#look()
    } catch (error) {
      this.#sqlite.close()
      throw writeFault(error, path)
    }
  }

  /** Whether nothing was ever committed to it. */
  get isNew(): boolean {
    return this.#isNew
  }

  /** Size of the file at the last large block; looking at each small commit would cost a tenth of it. */
  get bytes(): number {
    return this.#bytes
  }

  #look(): void {
    const pages = this.#sqlite.pragma('page_count', { simple: true }) as number
    const size = this.#sqlite.pragma('page_size', { simple: true }) as number
    this.#bytes = pages * size
  }

  /** Number of small blocks that can still be merged. */
  get smallBlocks(): number {
    return this.#closed.reduce((sum, { length }) => sum + length, this.#tail.length)
  }

  #load(): void {
    if (this.#meta('version') !== FORMAT_VERSION) {
      throw new Fault('ARCHIVE_UNREADABLE', `${this.path} has a format version that this program does not write`)
    }
    this.#prepare()
    const end = this.#meta('first')
    const last = this.#sqlite
      .prepare<[], { end: number }>('SELECT first + count AS end FROM block ORDER BY first DESC LIMIT 1')
      .get()
    this.nextOrdinal = last?.end ?? end
    const small = this.#sqlite
      .prepare<[number], SmallBlock>(
        `SELECT first, count, level & 255 AS level, raw_bytes, length(hosts) = 0 AS is_raw FROM block WHERE raw_bytes < ? ORDER BY first`,
      )
      .all(ARCHIVE_LARGE_BYTES)
    for (const block of small) {
      const before = this.#tail.at(-1)
      if (before && before.first + before.count !== block.first) this.#closeTail()
      this.#tail.push(block)
    }
    const tail = this.#tail.at(-1)
    if (tail && tail.first + tail.count !== this.nextOrdinal) this.#closeTail()
  }

  #prepare(): void {
    this.#insertBlock = this.#sqlite.prepare('INSERT INTO block VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
    this.#insertData = this.#sqlite.prepare('INSERT INTO data VALUES (?, ?, ?, ?)')
    this.#setMark = this.#sqlite.prepare('INSERT OR REPLACE INTO marks VALUES (?, ?, ?)')
    this.#setMeta = this.#sqlite.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)')
    this.#deleteBlocks = this.#sqlite.prepare('DELETE FROM block WHERE first >= ? AND first < ?')
    this.#deleteData = this.#sqlite.prepare('DELETE FROM data WHERE first >= ? AND first < ?')
  }

  #meta(key: string): number {
    const row = this.#sqlite.prepare<[string], { value: number }>('SELECT value FROM meta WHERE key = ?').get(key)
    return row?.value ?? 0
  }

  /**
   * Reads the stored marks, of more than `marksMax` those that are kept for longest, and the last write; for a new part there are none.
   * Throws a Fault.
   */
  intake(marksMax: number): Intake {
    const marks = new Map<string, Mark>()
    if (this.#isNew) return { marks, instance: 0, settled: 0 }
    try {
      const sql = 'SELECT stream, position, until FROM marks ORDER BY until DESC LIMIT ?'
      for (const { stream, ...mark } of this.#sqlite.prepare<[number], Mark & { stream: string }>(sql).all(marksMax))
        marks.set(stream, mark)
      return { marks, instance: this.#meta('instance'), settled: this.#meta('settled') }
    } catch (error) {
      throw writeFault(error, this.path)
    }
  }

  /**
   * Stores blocks, new marks and the id of the last write (`settled`) of a process (`instance`) in one synced transaction. Throws a
   * Fault; then nothing of it is stored.
   */
  commit(blocks: readonly EncodedBlock[], marks: ReadonlyMap<string, Mark>, instance: number, settled: number): void {
    const isNew = this.#isNew
    let first = this.nextOrdinal
    this.#inTransaction(() => {
      if (isNew) {
        this.#sqlite.exec(SCHEMA)
        this.#prepare()
        this.#setMeta!.run('version', FORMAT_VERSION)
        this.#setMeta!.run('first', first)
      }
      for (const block of blocks) {
        this.#insert(first, block, 0)
        first += block.count
      }
      for (const [stream, { position, until }] of marks) this.#setMark!.run(stream, position, until)
      if (instance !== this.#instance) this.#setMeta!.run('instance', instance)
      this.#setMeta!.run('settled', settled)
    })
    this.#isNew = false
    this.#instance = instance
    for (const block of blocks) {
      const { count, rawBytes } = block
      this.#append({ first: this.nextOrdinal, count, level: 0, raw_bytes: rawBytes, is_raw: Number(isRaw(block)) })
      this.nextOrdinal += count
    }
  }

  #insert(first: number, block: EncodedBlock, level: number): void {
    const { count, rawBytes, timeMin, timeMax, receivedMin, receivedMax, severities, facilities } = block
    const times = { time_min: timeMin, time_max: timeMax, received_min: receivedMin, received_max: receivedMax }
    const checked = summedLevel(level, { first, count, raw_bytes: rawBytes, ...times, severities, facilities })
    const numbers = [
      first,
      count,
      checked,
      rawBytes,
      timeMin,
      timeMax,
      receivedMin,
      receivedMax,
      severities,
      facilities,
    ]
    this.#insertBlock!.run(...numbers, block.hosts, block.programs)
    this.#insertData!.run(first, summed([block.grams]), block.fields, block.texts)
  }

  #inTransaction(work: () => void): void {
    try {
      this.#begin.run()
      try {
        work()
        this.#end.run()
      } catch (error) {
        if (this.#sqlite.inTransaction) this.#sqlite.exec('ROLLBACK')
        throw error
      }
    } catch (error) {
      // An error that comes neither from SQLite nor from the disk is a bug of ours, which a retry would not fix.
      if (!(error instanceof Fault) && sqliteCode(error) === undefined) throw error
      throw writeFault(error, this.path)
    }
  }

  #append(block: SmallBlock): void {
    if (block.raw_bytes < ARCHIVE_LARGE_BYTES) this.#tail.push(block)
    else {
      this.#closeTail()
      this.#look()
    }
  }

  #closeTail(): void {
    this.#closeRow(this.#tail)
    this.#tail = []
  }

  // A block that is stored as it came has no index, so every search would have to read it: it is merged even if it is alone.
  #closeRow(row: SmallBlock[]): void {
    if (row.length > 1 || row[0]?.is_raw === 1) this.#closed.push(row)
  }

  /** Adds the block of the last commit to the next merge, and does that merge first if it would become too large. Throws a Fault. */
  gather(raw: RawBlock): void {
    const block = this.#tail.at(-1)
    if (!block) return
    const builder = this.#builder
    const next = this.#gatheredFirst + builder.count
    if (next !== block.first) builder.clear()
    else if (builder.rawBytes + block.raw_bytes >= ARCHIVE_BLOCK_BYTES) {
      const gathered = this.#tail.filter(({ first }) => first >= this.#gatheredFirst && first < next)
      if (gathered.length > 1) this.#mergeInTail(gathered)
      else builder.clear()
    }
    if (builder.count === 0) this.#gatheredFirst = block.first
    addRawBlock(raw, builder)
  }

  /** Merges one run of small blocks if one is due; returns whether it did. Throws a Fault. */
  mergeOne(): boolean {
    const closed = this.#closed.pop()
    if (closed) {
      const taken = fitting(closed)
      this.#merge(taken)
      this.#closeRow(closed.slice(taken.length))
      return true
    }
    const taken = this.#due()
    if (taken.length === 0) return false
    this.#mergeInTail(taken)
    return true
  }

  #mergeInTail(taken: readonly SmallBlock[]): void {
    const merged = this.#merge(taken)
    this.#tail.splice(this.#tail.indexOf(taken[0]), taken.length, merged)
    if (merged.raw_bytes < ARCHIVE_LARGE_BYTES) return
    this.#look()
    const behind = this.#tail.splice(this.#tail.indexOf(merged))
    this.#closeTail()
    this.#tail = behind.slice(1)
  }

  /**
   * Merges all small blocks, seals the part and closes it; it is closed even if that fails. Returns false if it could not be sealed
   * because a reader has it open. Throws a Fault.
   */
  finish(): boolean {
    try {
      this.#closeTail()
      while (this.mergeOne());
    } catch (error) {
      this.close()
      throw error
    }
    // Does not wait for a reader, since new messages are waiting for the next part.
    this.#sqlite.pragma('busy_timeout = 0')
    return this.seal()
  }

  /** The blocks at the end of the part whose merge is due. */
  #due(): SmallBlock[] {
    const tail = this.#tail
    const bytes = tail.reduce((sum, { raw_bytes }) => sum + raw_bytes, 0)
    if (bytes >= ARCHIVE_BLOCK_BYTES && tail.length > 1) return fitting(tail)
    const last = tail.slice(1 + tail.findLastIndex(({ level }) => level !== tail.at(-1)!.level))
    return last.length >= ARCHIVE_MERGE_COUNT ? last : []
  }

  #merge(blocks: readonly SmallBlock[]): SmallBlock {
    assert(blocks.length > 1 || blocks[0].is_raw === 1, 'merging takes two, or one that is not in columns')
    const { first } = blocks[0]
    const count = blocks.reduce((sum, block) => sum + block.count, 0)
    const level = Math.max(...blocks.map((block) => block.level)) + 1
    const isGathered = first === this.#gatheredFirst && count === this.#builder.count
    let encoded: EncodedBlock | undefined
    this.#inTransaction(() => {
      if (!isGathered) {
        this.#builder.clear()
        for (const block of blocks) this.#add(block)
      }
      encoded = this.#builder.finish()
      assert(encoded.count === count, 'a merge keeps every message')
      this.#deleteBlocks!.run(first, first + count)
      this.#deleteData!.run(first, first + count)
      this.#insert(first, encoded, level)
    })
    return { first, count, level, raw_bytes: encoded!.rawBytes, is_raw: 0 }
  }

  #add({ first, count }: SmallBlock): void {
    const sql = 'SELECT hosts, programs, fields, texts FROM block JOIN data USING (first) WHERE first = ?'
    const blobs = this.#sqlite.prepare<[number], BlockBlobs>(sql).get(first)!
    try {
      if (isRaw(blobs)) addRawBlock(readRawBlock(count, blobs), this.#builder)
      else addBlock(new DecodedBlock(first, count, blobs), this.#builder)
    } catch (cause) {
      // Not retryable: the same block would fail each time, and the archive would never get past it.
      throw new Fault('ARCHIVE_UNREADABLE', `${this.path} is damaged: ${reasonOf(cause)}`, { cause })
    }
  }

  /**
   * Takes the file out of WAL mode, so that it can be read without write permission, and closes it. Returns false if it stays in WAL
   * mode because a reader has it open.
   */
  seal(): boolean {
    try {
      return leaveWal(this.#sqlite)
    } finally {
      this.#sqlite.close()
    }
  }

  /** Closes the file without sealing it. */
  close(): void {
    this.#sqlite.close()
  }
}

/** The first blocks, as many as together stay below the wanted size; at least two, each of which is less than half of it. */
function fitting(blocks: readonly SmallBlock[]): SmallBlock[] {
  let bytes = 0
  let count = 0
  for (; count < blocks.length && (count < 2 || bytes + blocks[count].raw_bytes < ARCHIVE_BLOCK_BYTES); count += 1) {
    bytes += blocks[count].raw_bytes
  }
  return blocks.slice(0, count)
}
