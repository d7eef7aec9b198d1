// The write path of an archive, inside its worker thread: writes in, commits out.
//
//   write ─▶ waiting ─▶ group: repeats skipped ─▶ pieces ─▶ blocks ─▶ one transaction ─▶ settled
//
// Group commit: as soon as a write waits and no group is in progress, the waiting writes become a group; writes that arrive
// meanwhile wait for the next one. So commits grow with the load. If ARCHIVE_SHARE_BYTES or more are waiting, the next group
// is begun while the current one is still being encoded or committed, so that neither thread waits for the other or for the
// disk. A failed commit is retried until it succeeds; its writes stay open meanwhile, which is the backpressure.

import { assert, Fault } from '../../common/fault.ts'
import {
  ARCHIVE_COMMIT_BYTES_MAX,
  ARCHIVE_SHARE_BYTES,
  MARK_KEPT_DAYS,
  RETIRED_MARK_KEPT_DAYS,
} from '../../common/limits.ts'
import { batchBytes, type Batch } from '../../common/pipeline/batch.ts'
import { freshMessages, positionsOf } from '../../common/pipeline/stream-marks.ts'
import type { StreamChange, WriteData } from './archive-protocol.ts'
import { BlockBuilder } from './block-builder.ts'
import { FutureParts, type Report } from './future-parts.ts'
import { encodeCommit, encodeWrites } from './encode-writes.ts'
import { KeptMarks } from './kept-marks.ts'
import { PartWriter, type Mark } from './part-writer.ts'
import { piecesOf, type GivenWrite, type Piece } from './pieces.ts'
import type { RawBlock } from './raw-block.ts'
import type { SecondEncoder } from './second-encoder.ts'
import { compareParts, dayEnd, dayOf, fileNameOf, type PartName } from './schema.ts'
import { sealFile } from './sqlite.ts'

/** A batch or a change of streams, with the id by which it is settled. `data` is the batch in the form that was posted. */
export type Write =
  | { readonly id: number; readonly batch: Batch; readonly data?: WriteData; readonly change?: undefined }
  | { readonly id: number; readonly change: StreamChange; readonly batch?: undefined; readonly data?: undefined }

/** The result of a commit. */
export interface Committed {
  /** The writes that it settles. */
  readonly ids: readonly number[]
  /** Messages that were skipped because the archive already had them. */
  readonly repeats: number
  /** By write id, only for writes that have defects: one bit mask per message. */
  readonly defects: ReadonlyMap<number, Uint32Array>
}

/** The writes of one commit. */
interface Group {
  readonly writes: readonly Write[]
  readonly pieces: readonly Piece[]
  /** New marks of the streams that the writes are about. */
  readonly moved: ReadonlyMap<string, Mark>
  readonly repeats: number
}

// One is committed while another one is encoded.
const GROUPS_MAX = 2
const DAY_US = 86_400_000_000
const KEPT_US = MARK_KEPT_DAYS * DAY_US
const RETIRED_KEPT_US = RETIRED_MARK_KEPT_DAYS * DAY_US
// With this many small blocks, merging no longer waits for a pause in the writes.
const MERGE_NOW_BLOCKS = 64

export class Intake {
  readonly #folder: string
  readonly #instance: number
  readonly #report: Report
  readonly #second: SecondEncoder | undefined
  readonly #partBytesMax: number
  readonly #builder = new BlockBuilder()
  readonly #waiting: Write[] = []
  #waitingBytes = 0
  /** Groups that are not committed yet, oldest first; at most `GROUPS_MAX`. */
  readonly #groups: Group[] = []
  readonly #marks: KeptMarks
  /** The block of the last commit if that was a small one, for `gather`. */
  #small: RawBlock | undefined
  #part: PartWriter | undefined
  /** Name of the newest part that can be written to, even while it is not open. */
  #name: PartName | undefined
  readonly #futureParts: FutureParts
  /** Parts that could not be sealed yet because a reader had them open. */
  #unsealed: PartName[] = []
  #ordinal = 0
  #settled = 0

  /**
   * A part of `partBytesMax` is followed by the next one. `second` encodes some of the blocks of large commits; for that, writes need
   * their `data`.
   */
  constructor(folder: string, instance: number, partBytesMax: number, report: Report, second?: SecondEncoder) {
    this.#second = second
    this.#partBytesMax = partBytesMax
    this.#folder = folder
    this.#instance = instance
    this.#report = report
    this.#marks = new KeptMarks(partBytesMax, report)
    this.#futureParts = new FutureParts(report)
  }

  /** Id of the last stored write of this process, which may have been stored by an earlier worker; 0 if there is none. */
  get settled(): number {
    return this.#settled
  }

  /** Whether there are writes that are not committed yet. */
  get hasWork(): boolean {
    return this.#waiting.length > 0 || this.#groups.length > 0
  }

  /** Whether `step` could do nothing now: the oldest group waits for pieces that the second thread is encoding. */
  get isWaiting(): boolean {
    return this.#groups.length > 0 && !this.#mayBegin && !isEncoded(this.#groups[0]) && this.#unclaimed === undefined
  }

  /** Loads marks and the next ordinal from the newest readable part; `parts` oldest first. Throws a Fault if a retry can help. */
  open(parts: readonly PartName[]): void {
    this.#name = parts.at(-1)
    for (const [index, name] of [...parts.entries()].toReversed()) {
      try {
        const part = new PartWriter(this.#pathOf(name), name, 0)
        const isNewest = compareParts(name, this.#name!) === 0
        if (part.isNew) {
          // The process that created it was killed before the first commit. It is used when a part of this name is needed.
          part.close()
          if (isNewest) this.#name = parts[index - 1]
          continue
        }
        const { marks, instance, settled } = part.intake(this.#marks.max)
        this.#marks.move(marks)
        if (instance === this.#instance) this.#settled = settled
        if (name.day === this.#name!.day) this.#ordinal = part.nextOrdinal
        if (isNewest) this.#part = part
        else part.seal()
        return
      } catch (error) {
        // A part that may be readable later is not passed over: without the marks in it, repeats would be stored again.
        if (!(error instanceof Fault) || error.retryable) throw error
        this.#report('a part of the archive cannot be opened; going on in the next one', {
          part: name,
          reason: error.detail,
        })
      }
    }
  }

  /** Merges and seals parts that an earlier process left in WAL mode. */
  sealLeft(parts: readonly PartName[]): void {
    for (const name of parts) this.#finish(name, () => new PartWriter(this.#pathOf(name), name, 0))
  }

  #finish(name: PartName, open: () => PartWriter): void {
    try {
      if (open().finish()) return
      this.#unsealed.push(name)
      this.#report('a part of the archive is being read; it will be sealed later', { part: name })
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      this.#report('a part of the archive cannot be sealed', { part: name, reason: error.detail })
    }
  }

  /** Retries sealing parts that a reader had open. `parts` are those that still exist. */
  sealAgain(parts: readonly PartName[]): void {
    const left = this.#unsealed.filter((name) => parts.some((part) => compareParts(part, name) === 0))
    this.#unsealed = []
    for (const name of left) {
      try {
        if (!sealFile(this.#pathOf(name))) this.#unsealed.push(name)
      } catch (error) {
        if (!(error instanceof Fault)) throw error
        this.#report('a part of the archive cannot be sealed', { part: name, reason: error.detail })
      }
    }
  }

  add(write: Write): void {
    this.#waiting.push(write)
    this.#waitingBytes += bytesOf(write)
  }

  /** The position up to which each stream is stored; unknown streams are left out. */
  marks(streams: readonly string[]): Map<string, number> {
    return positionsOf(streams, (id) => this.#marks.get(id))
  }

  /**
   * Encodes at most one piece, and commits the oldest group once all its pieces are encoded: returns the result of that commit.
   * Throws a Fault if it fails: then nothing of the group is stored, and the next call tries again.
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

  /** The first piece that is neither encoded nor being encoded by the second thread. */
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
    const given: GivenWrite[] = []
    let repeats = 0
    for (const write of writes) {
      this.#waitingBytes -= bytesOf(write)
      const { id, batch, data, change } = write
      if (change) {
        this.#change(change, moved)
        continue
      }
      const fresh = this.#fresh(batch, moved)
      if (fresh) for (const isFresh of fresh) repeats += 1 - isFresh
      given.push({ id, batch, fresh, data })
    }
    this.#groups.push({ writes, pieces: piecesOf(given), moved, repeats })
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
    const marks = part.isNew ? this.#marks.live(moved, before ? Math.min(now, dayEnd(before.day)) : now) : moved
    try {
      part.commit(blocks, marks, this.#instance, settled)
    } catch (error) {
      this.#abandon(error)
      throw error
    }
    this.#ordinal = part.nextOrdinal
    this.#settled = settled
    this.#marks.move(moved)
    this.#groups.shift()
    this.#small = pieces[0]?.encoded?.raw
    const defects = new Map(pieces.flatMap(({ encoded }) => [...encoded!.defects]))
    return { ids: writes.map(({ id }) => id), repeats, defects }
  }

  /** Encodes what the last small commit stored for the next merge; called after that commit has settled. Throws a Fault. */
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

  /** Whether there are so many small blocks that merging must not wait for a pause in the writes. */
  get mustMerge(): boolean {
    return this.#part !== undefined && this.#part.smallBlocks >= MERGE_NOW_BLOCKS
  }

  /** Does one merge, unless writes are waiting and `mustMerge` is false; returns whether it merged anything. Throws a Fault. */
  merge(): boolean {
    if (!this.#part || (this.hasWork && !this.mustMerge)) return false
    try {
      return this.#part.mergeOne()
    } catch (error) {
      this.#abandon(error)
      throw error
    }
  }

  /** Closes the current part, and takes it out of WAL mode unless a reader has it open. */
  close(): void {
    this.#part?.seal()
    this.#part = undefined
  }

  /** The writes of the next commit: the first ones that wait, all of one day of receipt, up to about ARCHIVE_COMMIT_BYTES_MAX. */
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

  /** The part for messages received at that time. Days never go back: for an earlier day than the newest part's it is that part. */
  #partFor(received: number): PartWriter {
    const day = dayOf(received)
    const part = this.#part
    const isFull = part !== undefined && part.bytes >= this.#partBytesMax
    if (part && part.name.day >= day && !isFull && !this.#futureParts.isOver(part.name, received)) return part
    this.#part = undefined
    if (part) this.#finish(part.name, () => part)
    const newest = this.#name
    const isNewDay = newest === undefined || newest.day < day
    const name = isNewDay ? { day, part: 1 } : { day: newest.day, part: newest.part + 1 }
    if (isNewDay) this.#ordinal = 0
    try {
      this.#part = new PartWriter(this.#pathOf(name), name, this.#ordinal)
    } catch (error) {
      // Unless the file is damaged, the same name is tried again, so that a failing disk does not leave a file per attempt.
      if (isDamage(error)) this.#name = name
      throw error
    }
    this.#name = name
    this.#futureParts.begin(day)
    return this.#part
  }

  // After a failure the file is opened again, since SQLite's cache of it may be out of date. A damaged one is left for the next.
  #abandon(error: unknown): void {
    const part = this.#part
    if (!part) return
    this.#part = undefined
    part.close()
    if (isDamage(error))
      this.#report('the current part of the archive is damaged; going on in the next one', { part: part.name })
    else this.#part = new PartWriter(part.path, part.name, this.#ordinal)
  }

  /** Which messages of a batch are not stored yet, as `freshMessages` tells. Puts the new marks of its streams into `moved`. */
  #fresh(batch: Batch, moved: Map<string, Mark>): Uint8Array | undefined {
    const fresh = freshMessages(batch, (id) => this.#markOf(id, moved)?.position)
    for (const { stream } of batch.runs) {
      if (!stream || stream.to <= (this.#markOf(stream.id, moved)?.position ?? -1)) continue
      moved.set(stream.id, { position: stream.to, until: batch.received + KEPT_US })
    }
    return fresh
  }

  #change({ at, ends }: StreamChange, moved: Map<string, Mark>): void {
    for (const id of ends) {
      const mark = this.#markOf(id, moved)
      if (mark) moved.set(id, { position: mark.position, until: at + RETIRED_KEPT_US })
    }
  }

  /** The newest mark: of the group being formed, else of a group that is not committed yet, else the committed one. */
  #markOf(stream: string, moved: ReadonlyMap<string, Mark>): Mark | undefined {
    return (
      moved.get(stream) ??
      this.#groups.findLast(({ moved }) => moved.has(stream))?.moved.get(stream) ??
      this.#marks.get(stream)
    )
  }

  #pathOf(name: PartName): string {
    return `${this.#folder}/${fileNameOf(name)}`
  }
}

/** Time of receipt of a batch, time of a change of streams; µs since the epoch. */
const timeOf = ({ batch, change }: Write): number => batch?.received ?? change!.at
const bytesOf = ({ batch }: Write): number => (batch ? batchBytes(batch) : 0)

const isEncoded = ({ pieces }: Group) => pieces.every(({ encoded }) => encoded !== undefined)

const isDamage = (error: unknown) => error instanceof Fault && error.code === 'ARCHIVE_UNREADABLE' && !error.retryable
