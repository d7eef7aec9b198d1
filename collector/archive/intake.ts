// What the archive's worker does: writes in, commits out.
//
//   write ─▶ waiting ─▶ group: repeats left out ─▶ pieces ─▶ blocks ─▶ one transaction ─▶ settled
//
// A group is made at once when a write waits and there is none; what arrives meanwhile goes into the next one, so that
// commits are as large as the load makes them. When much waits, the next one is begun while this one is still encoded or
// committed: so neither thread waits for the other, or for the disk. A commit that fails is tried again for as long as it takes:
// the writes stay open, and that is the brake.

import { assert, Fault } from '../../common/fault.ts'
import {
  ARCHIVE_COMMIT_BYTES_MAX,
  ARCHIVE_SHARE_BYTES,
  MARK_KEPT_DAYS,
  RETIRED_MARK_KEPT_DAYS,
} from '../../common/limits.ts'
import { batchBytes, type Batch } from '../../common/pipeline/batch.ts'
import type { StreamChange, WriteData } from './archive-protocol.ts'
import { BlockBuilder } from './block-builder.ts'
import { DayAhead } from './day-ahead.ts'
import { encodeCommit, encodeWrites } from './encode-writes.ts'
import { PartWriter, type Mark } from './part-writer.ts'
import { piecesOf, type GivenWrite, type Piece } from './pieces.ts'
import type { RawBlock } from './raw-block.ts'
import type { SecondEncoder } from './second-encoder.ts'
import { compareParts, dayEnd, dayOf, fileNameOf, type PartName } from './schema.ts'
import { sealFile } from './sqlite.ts'

/** A batch on its way, or what is said of streams, with the number it is settled by. */
export type Write =
  | { readonly id: number; readonly batch: Batch; readonly data?: WriteData; readonly change?: undefined }
  | { readonly id: number; readonly change: StreamChange; readonly batch?: undefined; readonly data?: undefined }

/** What a commit did. */
export interface Committed {
  readonly ids: readonly number[]
  readonly stored: number
  /** Messages that the archive had already. */
  readonly repeats: number
  /** By id, for writes with defects: a bit mask for each message. */
  readonly defects: ReadonlyMap<number, Uint32Array>
}

/** The writes of one commit. */
interface Group {
  readonly writes: readonly Write[]
  readonly pieces: readonly Piece[]
  readonly moved: ReadonlyMap<string, Mark>
  readonly repeats: number
}

// One that is committed, and one that is encoded meanwhile.
const GROUPS_MAX = 2
const DAY_US = 86_400_000_000
const KEPT_US = MARK_KEPT_DAYS * DAY_US
const RETIRED_KEPT_US = RETIRED_MARK_KEPT_DAYS * DAY_US
const MERGE_NOW_BLOCKS = 64

export class Intake {
  readonly #folder: string
  readonly #instance: number
  readonly #say: (text: string, values: object) => void
  readonly #second: SecondEncoder | undefined
  readonly #builder = new BlockBuilder()
  readonly #waiting: Write[] = []
  #waitingBytes = 0
  /** In their order. */
  readonly #groups: Group[] = []
  readonly #marks = new Map<string, Mark>()
  /** What the last commit stored, where that was little. */
  #small: RawBlock | undefined
  #part: PartWriter | undefined
  /** The newest part that something may be stored in, also while it is not open. */
  #name: PartName | undefined
  readonly #dayAhead: DayAhead
  /** Parts that were being read when they should have been sealed. */
  #unsealed: PartName[] = []
  #ordinal = 0
  #settled = 0

  /** `second` makes some of the blocks of a large commit, from writes that have their `data`. */
  constructor(folder: string, instance: number, say: (text: string, values: object) => void, second?: SecondEncoder) {
    this.#second = second
    this.#folder = folder
    this.#instance = instance
    this.#say = say
    this.#dayAhead = new DayAhead(say)
  }

  /** The number of the last write of this process that is stored: what a worker before this one may have done. */
  get settled(): number {
    return this.#settled
  }

  /** Whether anything is not stored yet. */
  get hasWork(): boolean {
    return this.#waiting.length > 0 || this.#groups.length > 0
  }

  /** Whether all that can be done now is to wait for the second thread. */
  get isWaiting(): boolean {
    return this.#groups.length > 0 && !this.#mayBegin && !isEncoded(this.#groups[0]) && this.#unclaimed === undefined
  }

  /** Takes up where the newest readable part ends; `parts` in the order of intake. */
  open(parts: readonly PartName[]): void {
    this.#name = parts.at(-1)
    for (const [index, name] of [...parts.entries()].toReversed()) {
      try {
        const part = new PartWriter(this.#pathOf(name), name, 0)
        const isNewest = compareParts(name, this.#name!) === 0
        if (part.isNew) {
          // Its maker was killed before the first commit: whoever needs a part of this name takes it.
          part.close()
          if (isNewest) this.#name = parts[index - 1]
          continue
        }
        const { marks, instance, settled } = part.intake()
        for (const [stream, mark] of marks) this.#marks.set(stream, mark)
        if (instance === this.#instance) this.#settled = settled
        if (name.day === this.#name!.day) this.#ordinal = part.nextOrdinal
        if (isNewest) this.#part = part
        else part.seal()
        return
      } catch (error) {
        // What can be read later must be: it may hold the marks, and without them repeats would be stored again.
        if (!(error instanceof Fault) || error.retryable) throw error
        this.#say('a part of the archive cannot be opened; going on in the next one', {
          part: name,
          reason: error.detail,
        })
      }
    }
  }

  /** Seals parts that a process before this one left as they were. */
  sealLeft(parts: readonly PartName[]): void {
    for (const name of parts) this.#finish(name, () => new PartWriter(this.#pathOf(name), name, 0))
  }

  #finish(name: PartName, open: () => PartWriter): void {
    try {
      if (open().finish()) return
      this.#unsealed.push(name)
      this.#say('a part of the archive is being read; it will be sealed later', { part: name })
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      this.#say('a part of the archive cannot be sealed', { part: name, reason: error.detail })
    }
  }

  /** Seals parts that were being read, unless they still are. `parts` are those that there are. */
  sealAgain(parts: readonly PartName[]): void {
    const left = this.#unsealed.filter((name) => parts.some((part) => compareParts(part, name) === 0))
    this.#unsealed = []
    for (const name of left) {
      try {
        if (!sealFile(this.#pathOf(name))) this.#unsealed.push(name)
      } catch (error) {
        if (!(error instanceof Fault)) throw error
        this.#say('a part of the archive cannot be sealed', { part: name, reason: error.detail })
      }
    }
  }

  add(write: Write): void {
    this.#waiting.push(write)
    this.#waitingBytes += bytesOf(write)
  }

  /** The position up to which each of the streams is stored. */
  marks(streams: readonly string[]): Map<string, number> {
    const positions = new Map<string, number>()
    for (const stream of streams) {
      const mark = this.#marks.get(stream)
      if (mark) positions.set(stream, mark.position)
    }
    return positions
  }

  /**
   * Does the next piece of the work that there is; returns what was committed, if anything was. Throws a Fault, and then nothing
   * is stored or forgotten.
   */
  step(): Committed | undefined {
    if (this.#mayBegin) this.#begin()
    this.#share()
    const [group] = this.#groups
    if (!isEncoded(group)) {
      const piece = this.#unclaimed
      if (piece) piece.encoded = (piece.isShared ? encodeWrites : encodeCommit)(piece.writes, this.#builder)
    }
    return isEncoded(group) ? this.#store(group) : undefined
  }

  get #mayBegin(): boolean {
    if (this.#groups.length === 0) return this.#waiting.length > 0
    const isLarge = this.#waitingBytes >= ARCHIVE_SHARE_BYTES
    return isLarge && this.#second !== undefined && this.#groups.length < GROUPS_MAX && this.#unclaimed === undefined
  }

  /** The first piece that no thread has. */
  get #unclaimed(): Piece | undefined {
    for (const { pieces } of this.#groups) {
      for (const piece of pieces) if (!piece.encoded && !piece.isGiven) return piece
    }
    return undefined
  }

  #begin(): void {
    const writes = this.#group()
    this.#waiting.splice(0, writes.length)
    const moved = new Map<string, Mark>()
    const fresh: GivenWrite[] = []
    let repeats = 0
    for (const write of writes) {
      this.#waitingBytes -= bytesOf(write)
      const { id, batch, data, change } = write
      if (change) {
        this.#change(change, moved)
        continue
      }
      const skipped = this.#repeats(batch, moved)
      if (skipped) for (const skip of skipped) repeats += skip
      fresh.push({ id, batch, skipped, data })
    }
    this.#groups.push({ writes, pieces: piecesOf(fresh), moved, repeats })
  }

  #share(): void {
    for (let piece = this.#unclaimed; piece?.isShared && this.#second?.hasRoom; piece = this.#unclaimed) {
      this.#second.give(piece)
    }
  }

  #store(group: Group): Committed {
    const { writes, pieces, moved, repeats } = group
    const now = timeOf(writes[0])
    const before = this.#name
    const part = this.#partFor(now)
    const blocks = pieces.flatMap(({ encoded }) => encoded!.blocks)
    const settled = writes.at(-1)!.id
    const marks = part.isNew ? this.#live(moved, before ? Math.min(now, dayEnd(before.day)) : now) : moved
    try {
      part.commit(blocks, marks, this.#instance, settled)
    } catch (error) {
      this.#abandon(error)
      throw error
    }
    this.#ordinal = part.nextOrdinal
    this.#settled = settled
    for (const [stream, mark] of moved) this.#marks.set(stream, mark)
    this.#groups.shift()
    const stored = blocks.reduce((sum, { count }) => sum + count, 0)
    this.#small = pieces[0]?.encoded?.raw
    const defects = new Map(pieces.flatMap(({ encoded }) => [...encoded!.defects]))
    return { ids: writes.map(({ id }) => id), stored, repeats, defects }
  }

  /** Takes what the last commit stored into the next merge, once nobody waits for it. */
  gather(): void {
    const block = this.#small
    this.#small = undefined
    if (!block) return
    try {
      this.#part?.gather(block)
    } catch (error) {
      this.#abandon(error)
      throw error
    }
  }

  /** Whether there is too much to merge to wait for quiet. */
  get mustMerge(): boolean {
    return this.#part !== undefined && this.#part.smallBlocks >= MERGE_NOW_BLOCKS
  }

  /** Merges once, when nothing waits or there is too much to merge; false where nothing was to be done. */
  merge(): boolean {
    if (!this.#part || (this.hasWork && !this.mustMerge)) return false
    try {
      return this.#part.mergeOne()
    } catch (error) {
      this.#abandon(error)
      throw error
    }
  }

  /** Lets go of the current part, out of WAL mode where no reader is in the way. */
  close(): void {
    this.#part?.seal()
    this.#part = undefined
  }

  /** The writes of the next commit: in order, of one day. */
  #group(): Write[] {
    assert(this.#waiting.length > 0, 'a commit has something to store')
    const day = dayOf(timeOf(this.#waiting[0]))
    let bytes = 0
    let count = 0
    for (const write of this.#waiting) {
      if (bytes >= ARCHIVE_COMMIT_BYTES_MAX || (count > 0 && dayOf(timeOf(write)) !== day)) break
      bytes += bytesOf(write)
      count += 1
    }
    return this.#waiting.slice(0, count)
  }

  /** The part for what was received then. Days never go back: what the clock says is earlier goes into the newest. */
  #partFor(received: number): PartWriter {
    const day = dayOf(received)
    const part = this.#part
    if (part && part.name.day >= day && !part.isFull && !this.#dayAhead.isOver(part.name, received)) return part
    this.#part = undefined
    if (part) this.#finish(part.name, () => part)
    const newest = this.#name
    const isNewDay = newest === undefined || newest.day < day
    const name = isNewDay ? { day, part: 1 } : { day: newest.day, part: newest.part + 1 }
    if (isNewDay) this.#ordinal = 0
    try {
      this.#part = new PartWriter(this.#pathOf(name), name, this.#ordinal)
    } catch (error) {
      // One that cannot be opened for now is tried again, so that a bad hour does not leave a file for each attempt.
      if (isDamage(error)) this.#name = name
      throw error
    }
    this.#name = name
    this.#dayAhead.begin(day)
    return this.#part
  }

  // After a failure the file is opened anew: what SQLite holds of it may be out of date. A damaged one is left for the next.
  #abandon(error: unknown): void {
    const part = this.#part
    if (!part) return
    this.#part = undefined
    part.close()
    if (isDamage(error))
      this.#say('the current part of the archive is damaged; going on in the next one', { part: part.name })
    else this.#part = new PartWriter(part.path, part.name, this.#ordinal)
  }

  /** Which messages of a batch are stored already; moves the marks of its streams. */
  #repeats(batch: Batch, moved: Map<string, Mark>): Uint8Array | undefined {
    let skipped: Uint8Array | undefined
    let first = 0
    for (const { count, stream } of batch.runs) {
      if (stream) {
        const mark = this.#markOf(stream.id, moved)?.position ?? -1
        for (let i = 0; i < count && stream.from + stream.ends[i] <= mark; i += 1) {
          skipped ??= new Uint8Array(batch.count)
          skipped[first + i] = 1
        }
        if (stream.to > mark) moved.set(stream.id, { position: stream.to, until: batch.received + KEPT_US })
      }
      first += count
    }
    return skipped
  }

  #change({ at, ends }: StreamChange, moved: Map<string, Mark>): void {
    for (const id of ends) {
      const mark = this.#markOf(id, moved)
      if (mark) moved.set(id, { position: mark.position, until: at + RETIRED_KEPT_US })
    }
  }

  #markOf(stream: string, moved: ReadonlyMap<string, Mark>): Mark | undefined {
    return (
      moved.get(stream) ??
      this.#groups.findLast(({ moved }) => moved.has(stream))?.moved.get(stream) ??
      this.#marks.get(stream)
    )
  }

  /**
   * All marks but those whose time is over: a new part's first commit repeats them. `now` is no later than the end of the part before,
   * so that a clock that jumps far ahead costs none.
   */
  #live(moved: ReadonlyMap<string, Mark>, now: number): Map<string, Mark> {
    for (const [stream, { until }] of this.#marks) if (until < now) this.#marks.delete(stream)
    return new Map([...this.#marks, ...moved])
  }

  #pathOf(name: PartName): string {
    return `${this.#folder}/${fileNameOf(name)}`
  }
}

/** When it was received, or said. */
const timeOf = ({ batch, change }: Write): number => batch?.received ?? change!.at
const bytesOf = ({ batch }: Write): number => (batch ? batchBytes(batch) : 0)

const isEncoded = ({ pieces }: Group) => pieces.every(({ encoded }) => encoded !== undefined)

const isDamage = (error: unknown) => error instanceof Fault && error.code === 'ARCHIVE_UNREADABLE' && !error.retryable
