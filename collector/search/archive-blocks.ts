// The blocks of archives on disk, as a search asks for them.

import { systemDisk } from '../../common/disk.ts'
import { Fault } from '../../common/fault.ts'
import { ARCHIVE_READ_PARTS_MAX } from '../../common/limits.ts'
import { openArchive, type ArchiveReader, type Block, type PartReader } from '../archive/reader.ts'
import { dayEnd } from '../archive/schema.ts'
import { readFault } from '../archive/sqlite.ts'
import { BlockColumns } from './block-columns.ts'
import type { OpenBlock, StoredBlock, Texts } from './stored-block.ts'

const HOUR_US = 3_600_000_000

/** Archives that are open to be read: as they were when they were opened. */
export class OpenArchives {
  /** Of all archives; in each in the order of intake. */
  readonly blocks: readonly StoredBlock[]
  /** Archives and parts that cannot be read. */
  readonly faults: readonly Fault[]
  readonly #parts: OpenParts

  private constructor(blocks: StoredBlock[], faults: Fault[], parts: OpenParts) {
    this.blocks = blocks
    this.faults = faults
    this.#parts = parts
  }

  /**
   * Opens archives; of days that were over before `since` (µs since the epoch) nothing is. Rejects where none of the folders can be
   * looked into, with `ARCHIVE_MISSING` or `ARCHIVE_FORBIDDEN`.
   */
  static async open(folders: readonly string[], since: number): Promise<OpenArchives> {
    const blocks: StoredBlock[] = []
    const faults: Fault[] = []
    const parts = new OpenParts()
    const archives: ArchiveReader[] = []
    for (const folder of folders) {
      try {
        archives.push(await openArchive(systemDisk, folder))
      } catch (error) {
        if (!(error instanceof Fault)) throw error
        faults.push(error)
      }
    }
    if (archives.length === 0 && faults.length > 0) throw faults[0]
    for (const archive of archives) {
      for (const [i, name] of archive.parts.entries()) {
        // A message sorts by a time that is at most an hour after its receipt, which is on the part's day.
        if (dayEnd(name.day) + HOUR_US < since) continue
        try {
          const part = archive.open(name)
          parts.add(part, i === archive.parts.length - 1)
          for (const block of part.blocks()) blocks.push(new ArchiveBlock(parts, part, block, blocks.length))
          const damaged = part.damagedRows
          if (damaged > 0) {
            const detail = `${part.path} is damaged: what is known of ${damaged} of its blocks is not as it was stored`
            faults.push(new Fault('ARCHIVE_UNREADABLE', detail))
          }
        } catch (error) {
          // Damage, a disk that fails, or no permission: what can be read is searched.
          if (!(error instanceof Fault)) throw error
          faults.push(error)
        }
      }
    }
    return new OpenArchives(blocks, faults, parts)
  }

  close(): void {
    this.#parts.close()
  }
}

/**
 * Parts that are being read, of which the last used ones are open. What may change, the newest of an archive and what is not sealed,
 * is kept open, to be read as it was when it was opened.
 */
class OpenParts {
  readonly #kept: PartReader[] = []
  readonly #open = new Set<PartReader>()

  add(part: PartReader, isNewest: boolean): void {
    if (isNewest) this.#kept.push(part)
    else this.use(part)
  }

  /** Called before something is asked of the part. */
  use(part: PartReader): void {
    if (this.#kept.includes(part)) return
    // Added anew: the set's order is that of use.
    this.#open.delete(part)
    this.#open.add(part)
    if (this.#open.size <= ARCHIVE_READ_PARTS_MAX) return
    const [oldest] = this.#open
    this.#open.delete(oldest)
    if (!oldest.rest()) this.#kept.push(oldest)
  }

  close(): void {
    for (const part of [...this.#kept, ...this.#open]) part.close()
  }
}

class ArchiveBlock implements StoredBlock {
  readonly count: number
  readonly order: number
  readonly timeMin: number
  readonly timeMax: number
  readonly #parts: OpenParts
  readonly #part: PartReader
  readonly #block: Block
  #hosts: readonly Buffer[] | undefined
  #programs: readonly Buffer[] | undefined

  constructor(parts: OpenParts, part: PartReader, block: Block, order: number) {
    this.count = block.count
    this.order = order
    this.timeMin = block.timeMin
    this.timeMax = block.timeMax
    this.#parts = parts
    this.#part = part
    this.#block = block
  }

  get hosts(): readonly Buffer[] | undefined {
    return (this.#hosts ??= this.#ask(() => listed(this.#block.hosts())))
  }

  get programs(): readonly Buffer[] | undefined {
    return (this.#programs ??= this.#ask(() => listed(this.#block.programs())))
  }

  hasPriority(priority: number): boolean {
    const { severities, facilities } = this.#block
    return (severities & (1 << (priority & 7))) !== 0 && (facilities & (1 << (priority >> 3))) !== 0
  }

  mayHold(literal: Buffer, ignoreCase: boolean): boolean {
    return this.#ask(() => this.#block.mayContain(literal, ignoreCase))
  }

  open(): OpenBlock {
    const block = this.#ask(() => new BlockColumns(this.#block.decode()))
    return {
      count: this.count,
      lines: block,
      rows: (columns) => this.#ask(() => block.rows(columns)),
      ownTime: (row) => block.ownTime(row),
      received: (row) => block.received(row),
      raw: (row) => this.#ask(() => block.raw(row)),
      get bytesDecoded() {
        return block.bytesDecoded
      },
    }
  }

  /** Columns are decoded when they are asked for: what is wrong with them shows then. */
  #ask<T>(question: () => T): T {
    this.#parts.use(this.#part)
    try {
      return question()
    } catch (error) {
      throw readFault(error, this.#part.path)
    }
  }
}

function listed(texts: Texts | undefined): Buffer[] | undefined {
  if (!texts) return undefined
  const { bytes, starts } = texts
  return Array.from({ length: starts.length - 1 }, (_, i) => bytes.subarray(starts[i], starts[i + 1]))
}
