// Gives a search the blocks of one or more archives on disk.

import { systemDisk } from '../../common/disk.ts'
import { Fault } from '../../common/fault.ts'
import { ARCHIVE_READ_PARTS_MAX } from '../../common/limits.ts'
import type { Texts } from '../archive/columns.ts'
import { openArchive, type ArchiveReader, type Block, type PartReader } from '../archive/reader.ts'
import { dayEnd } from '../archive/schema.ts'
import { readFault } from '../archive/sqlite.ts'
import { BlockColumns } from './block-columns.ts'
import type { OpenBlock, StoredBlock } from './stored-block.ts'

const HOUR_US = 3_600_000_000

/** Archives opened for a search, which sees them as they were then. */
export class OpenArchives {
  /** The blocks of all archives, those of each one in intake order. */
  readonly blocks: readonly StoredBlock[]
  /** One for each archive or part that cannot be read, and for each part with damaged summaries. */
  readonly faults: readonly Fault[]
  readonly #parts: OpenParts

  private constructor(blocks: StoredBlock[], faults: Fault[], parts: OpenParts) {
    this.blocks = blocks
    this.faults = faults
    this.#parts = parts
  }

  /**
   * Opens archives; parts of days that ended before `since` (µs since the epoch) are left out. Rejects with `ARCHIVE_MISSING` or
   * `ARCHIVE_FORBIDDEN` if none of the folders can be listed.
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
        // A message's effective time is at most an hour after its receipt by the first sluice, and that at most an hour after its receipt
        // here, which was on the part's day.
        if (dayEnd(name.day) + 2 * HOUR_US < since) continue
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
          // Damage, a failing disk, or no permission: everything else is still searched.
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
 * The parts of a search. Only the most recently used of the sealed ones are open. Parts that may change, which are the newest one of an
 * archive and any that is not sealed, stay open, so that they are read in the snapshot of their opening.
 */
class OpenParts {
  readonly #kept: PartReader[] = []
  readonly #open = new Set<PartReader>()
  #last: PartReader | undefined

  add(part: PartReader, isNewest: boolean): void {
    if (isNewest) this.#kept.push(part)
    else this.use(part)
  }

  /** To be called before each query of the part. */
  use(part: PartReader): void {
    // Nearly always, since it is called several times for each message that is printed.
    if (part === this.#last) return
    this.#last = part
    if (this.#kept.includes(part)) return
    // Removed and added again, so that the set is in order of last use.
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

  /** Columns are decoded on first use, so any of these calls may find damage: it is thrown as a Fault that names the part. */
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
