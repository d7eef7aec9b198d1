// A look into a spool from outside: reads only, also while its daemon writes and removes.

import type { Disk } from '../disk.ts'
import { errnoOf } from '../fault.ts'
import type { Batch } from '../pipeline/batch.ts'
import type { Slab, SlabPool } from '../pipeline/slab.ts'
import { readAcknowledged, type Acknowledged } from './acknowledged-file.ts'
import { OriginReader } from '../pipeline/origin-bytes.ts'
import { RecordCursor } from './record-cursor.ts'
import { syncedIn } from './recovery.ts'
import { saltOf } from './record-layout.ts'
import { readBehind, recordFacts, type RecordFacts } from './record-reader.ts'
import { headBytes, readHeadOf, type SegmentHead } from './segment-head.ts'
import { listSegments, segmentPath } from './segments.ts'

export interface ViewedRecord extends RecordFacts {
  readonly kind: 'record'
  /** Where it lies in the segment, and how long it is. */
  readonly offset: number
  readonly bytes: number
  /** Its messages, or those that end behind `mark`; borrowed until the next step. */
  batch(mark?: number): Batch
}

export interface ViewedGap {
  /** `damage` was synced once; `unfinished` is the end of the newest segment, which is being written or was when it crashed. */
  readonly kind: 'damage' | 'unfinished'
  readonly offset: number
  readonly bytes: number
}

export interface ViewedSegment {
  readonly path: string
  readonly first: number
  /** Undefined where it is damaged, or being written. */
  readonly head: SegmentHead | undefined
  readonly bytes: number
  /** What is in it, in order. Begins with a gap where the head is damaged. */
  items(): AsyncGenerator<ViewedRecord | ViewedGap>
}

export interface SpoolView {
  /** Undefined where neither a head nor the file of acknowledgements says it. */
  readonly stream: string | undefined
  /** Position up to which the receiver has everything. */
  readonly acknowledged: number
  /** Oldest first. One that the daemon removes meanwhile is left out. */
  segments(): AsyncGenerator<ViewedSegment>
}

/** Looks into a folder; undefined where there is no spool. */
export async function viewSpool(disk: Disk, folder: string, slabs: SlabPool): Promise<SpoolView | undefined> {
  const firsts = await listSegments(disk, folder)
  const known = await readAcknowledged(disk, folder)
  if (firsts.length === 0 && !known) return undefined
  return {
    stream: known?.stream,
    acknowledged: known?.position ?? 0,
    async *segments() {
      for (const [index, first] of firsts.entries()) {
        const isLast = index === firsts.length - 1
        yield* viewSegment(disk, segmentPath(folder, first), first, isLast, known, slabs)
      }
    },
  }
}

async function* viewSegment(
  disk: Disk,
  path: string,
  first: number,
  isLast: boolean,
  known: Acknowledged | undefined,
  slabs: SlabPool,
): AsyncGenerator<ViewedSegment> {
  let file
  try {
    file = await disk.open(path, 'read')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return
    throw error
  }
  try {
    const { size } = await file.stat()
    const head = await readHeadOf(file)
    const owner = head?.stream ?? known?.stream
    const start = head ? headBytes(head) : 0
    const cursor = new RecordCursor(file, start, owner === undefined ? 0 : saltOf(owner), slabs)
    const walk = new SegmentWalk(cursor, size, syncedIn(first, head, size, known?.synced).bytes, isLast, owner ?? '')
    yield { path, first, head, bytes: size, items: () => walk.items() }
    cursor.release()
  } finally {
    await file.close()
  }
}

class SegmentWalk {
  readonly #cursor: RecordCursor
  readonly #size: number
  /** Bytes that were synced for sure. */
  readonly #synced: number
  readonly #isLast: boolean
  readonly #stream: string
  readonly #origins = new OriginReader()

  constructor(cursor: RecordCursor, size: number, synced: number, isLast: boolean, stream: string) {
    this.#cursor = cursor
    this.#size = size
    this.#synced = synced
    this.#isLast = isLast
    this.#stream = stream
  }

  /** The same judgement as a start makes (`recovery.ts`): what a later group follows was synced, and what is said to be. */
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
    const damaged = (this.#isLast ? torn : Math.max(size, torn)) - from
    if (damaged > 0) yield { kind: 'damage', offset: from, bytes: damaged }
    if (this.#isLast && torn < size) yield { kind: 'unfinished', offset: torn, bytes: size - torn }
  }

  #next() {
    return this.#cursor.next(this.#size)
  }

  #batch(slab: Slab, at: number, mark: number = 0): Batch {
    return readBehind(mark, slab, at, this.#stream, this.#origins)
  }
}
