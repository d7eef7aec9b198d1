// A read-only view of a spool, for `sluice spool`. Works while the daemon writes and removes segments.

import type { Disk } from '../disk.ts'
import { errnoOf } from '../fault.ts'
import type { Batch } from '../pipeline/batch.ts'
import type { Slab, SlabPool } from '../pipeline/slab.ts'
import { readAcknowledged, type Acknowledged } from './acknowledged-file.ts'
import { OriginReader } from '../pipeline/origin-bytes.ts'
import { RecordCursor, type FoundRecord } from './record-cursor.ts'
import { missingAfter, syncedIn } from './recovery.ts'
import { saltOf } from './record-layout.ts'
import { readBehind, recordFacts, type RecordFacts } from './record-reader.ts'
import { headBytes, readHeadOf, type SegmentHead } from './segment-head.ts'
import { listSegments, missingBetween, segmentPath, whyForeign } from './segments.ts'

export interface ViewedRecord extends RecordFacts {
  readonly kind: 'record'
  /** Its offset in the segment, and its length in bytes. */
  readonly offset: number
  readonly bytes: number
  /** Its messages, or only those after position `mark`; borrowed until the iteration continues. */
  batch(mark?: number): Batch
}

export interface ViewedGap {
  /** `damage`: was once synced, now unreadable, or refused by the disk. `unfinished`: the tail of the newest segment, which is being written or was torn by a crash. */
  readonly kind: 'damage' | 'unfinished'
  readonly offset: number
  readonly bytes: number
  /** What is wrong, where it is not that these bytes are unreadable. */
  readonly reason?: string
}

export interface ViewedSegment {
  readonly path: string
  readonly first: number
  /** Undefined if it is damaged or still being written. */
  readonly head: SegmentHead | undefined
  readonly bytes: number
  /** Its records and unreadable places, in order. Begins with a gap if the head is damaged. */
  items(): AsyncGenerator<ViewedRecord | ViewedGap>
}

export interface SpoolView {
  /** As the file `acknowledged` names it; undefined if that is missing or damaged. */
  readonly stream: string | undefined
  /** Position up to which the receiver has everything. */
  readonly acknowledged: number
  /** Oldest first. Segments that the daemon removes meanwhile are left out. */
  segments(): AsyncGenerator<ViewedSegment>
}

/** Opens a view of the spool in a folder; undefined if there is none. */
export async function viewSpool(disk: Disk, folder: string, slabs: SlabPool): Promise<SpoolView | undefined> {
  const firsts = await listSegments(disk, folder)
  const known = await readAcknowledged(disk, folder)
  if (firsts.length === 0 && !known) return undefined
  return {
    stream: known?.stream,
    acknowledged: known?.position ?? 0,
    async *segments() {
      // Listed before `acknowledged` was read: a segment is removed only when it is saved that it is done with.
      const before: Before = { end: known?.position, acknowledged: known?.position ?? 0 }
      for (const [index, first] of firsts.entries()) {
        const isLast = index === firsts.length - 1
        yield* viewSegment(disk, segmentPath(folder, first), first, isLast, known, slabs, before)
      }
      if (known) yield* viewMissing(disk, folder, firsts.at(-1), before.end, known)
    },
  }
}

/** The newest segments, if `acknowledged` names them and they are missing. Looks again, because the daemon may have made them meanwhile. */
async function* viewMissing(
  disk: Disk,
  folder: string,
  first: number | undefined,
  end: number | undefined,
  known: Acknowledged,
): AsyncGenerator<ViewedSegment> {
  const missing = missingAfter(first === undefined ? undefined : { first, end: end ?? known.synced.end }, known)
  if (missing === 0 || (await listSegments(disk, folder)).at(-1) !== first) return
  const path = segmentPath(folder, known.synced.first)
  const items = () => onlyGap(`missing, with ${missing} waiting messages up to its end`)
  yield { path, first: known.synced.first, head: undefined, bytes: 0, items }
}

/** What was seen before a segment. */
interface Before {
  /** Where the segment before it ends; undefined if that is not known. */
  end: number | undefined
  readonly acknowledged: number
}

async function* viewSegment(
  disk: Disk,
  path: string,
  first: number,
  isLast: boolean,
  known: Acknowledged | undefined,
  slabs: SlabPool,
  before: Before,
): AsyncGenerator<ViewedSegment> {
  let file
  try {
    file = await disk.open(path, 'read')
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
    before.end = undefined
    return
  }
  let cursor: RecordCursor | undefined
  try {
    const { kind, size } = await file.stat()
    const head = kind === 'file' ? await unlessRefused(() => readHeadOf(file)) : undefined
    const foreign = whyForeign(kind, first, head)
    if (foreign !== undefined) {
      yield {
        path,
        first,
        head: undefined,
        bytes: size,
        items: () => onlyGap(`not a segment of this spool: ${foreign}`),
      }
      return
    }
    const owner = head?.stream ?? known?.stream
    const start = head ? headBytes(head) : 0
    cursor = new RecordCursor(file, start, owner === undefined ? 0 : saltOf(owner), slabs)
    const walk = new SegmentWalk(cursor, size, syncedIn(first, head, size, known?.synced).bytes, isLast, owner ?? '')
    yield { path, first, head, bytes: size, items: () => withMissing(before, first, head, walk) }
  } finally {
    cursor?.release()
    await file.close()
  }
}

/** The items of a segment; before them, the messages that are missing between it and the segment before it. */
async function* withMissing(before: Before, first: number, head: SegmentHead | undefined, walk: SegmentWalk) {
  const { end, acknowledged } = before
  if (head && end !== undefined) {
    const missing = Math.min(missingBetween(end, head.previousEnd), head.previousEnd - acknowledged)
    if (missing > 0) yield* onlyGap(`segments before it are missing, with ${missing} waiting messages`)
  }
  before.end = undefined
  let reached: number | undefined = first
  for await (const item of walk.items()) {
    reached = item.kind === 'record' ? item.position + item.count : undefined
    yield item
  }
  before.end = reached
}

async function* onlyGap(reason: string): AsyncGenerator<ViewedGap> {
  yield { kind: 'damage', offset: 0, bytes: 0, reason }
}

/** Undefined if the disk refuses to read; what it refuses is shown as damage, so that the rest can be looked at. */
async function unlessRefused<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (errnoOf(error) === 'EIO') return undefined
    throw error
  }
}

class SegmentWalk {
  readonly #cursor: RecordCursor
  readonly #size: number
  /** Bytes that are known to have been synced. */
  readonly #synced: number
  readonly #isLast: boolean
  readonly #stream: string
  #isRefused = false
  readonly #origins = new OriginReader()

  constructor(cursor: RecordCursor, size: number, synced: number, isLast: boolean, stream: string) {
    this.#cursor = cursor
    this.#size = size
    this.#synced = synced
    this.#isLast = isLast
    this.#stream = stream
  }

  /**
   * Tells damage from a torn tail by the rule of `recovery.ts`: bytes before the synced end that `acknowledged` recorded, and bytes that
   * are followed by a later group, were synced.
   */
  async *items(): AsyncGenerator<ViewedRecord | ViewedGap> {
    let gap: { offset: number; bytes: number } | undefined
    for (let found = await this.#next(); found; found = await this.#next()) {
      const { slab, at, offset, length, skipped } = found
      const facts = recordFacts(slab.bytes, at)
      const groupStart = offset - facts.behindGroup
      if (gap && groupStart > gap.offset) {
        yield { kind: 'damage', ...gap }
        gap = undefined
      }
      const [from, torn] = [offset - skipped, Math.max(offset - skipped, this.#synced)]
      const isTorn = this.#isLast && torn < offset && groupStart <= torn
      if (isTorn) gap ??= { offset: torn, bytes: 0 }
      const damaged = (isTorn ? torn : offset) - from
      if (damaged > 0) yield { kind: 'damage', offset: from, bytes: damaged }
      if (gap) gap.bytes = offset + length - gap.offset
      else yield { kind: 'record', ...facts, offset, bytes: length, batch: (mark) => this.#batch(slab, at, mark) }
    }
    const from = gap?.offset ?? this.#cursor.offset
    const [size, torn] = [this.#size, Math.max(from, this.#synced)]
    const mayBeTorn = this.#isLast && !this.#isRefused
    const damaged = (mayBeTorn ? torn : Math.max(size, torn)) - from
    if (damaged > 0) yield { kind: 'damage', offset: from, bytes: damaged }
    if (mayBeTorn && torn < size) yield { kind: 'unfinished', offset: torn, bytes: size - torn }
  }

  async #next(): Promise<FoundRecord | undefined> {
    this.#isRefused = true
    return unlessRefused(async () => {
      const found = await this.#cursor.next(this.#size)
      this.#isRefused = false
      return found
    })
  }

  #batch(slab: Slab, at: number, mark: number = 0): Batch {
    return readBehind(mark, slab, at, this.#stream, this.#origins)
  }
}
