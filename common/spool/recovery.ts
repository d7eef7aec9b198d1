// What a start makes of the files that it finds.
//
//   segment 1      segment 2      segment 3
//   head records   head records   head records torn
//                                 └─ marks ─▶└─ cut
//
// Only the newest segment may end in a group whose sync had not come back: its file was there before the next was
// begun, and no group begins before the one before it is synced. So the marks are those of the newest whole head and of
// what stands behind it, and everything from the first unreadable byte of that last group on is cut. What is unreadable
// before it, or before the end that `acknowledged` says was synced, was synced once: that is damage, and its reader skips
// and counts it.

import type { Disk } from '../disk.ts'
import type { SlabPool } from '../pipeline/slab.ts'
import type { Acknowledged, SyncedEnd } from './acknowledged-file.ts'
import { LiveMarks, type MarkChange } from './live-marks.ts'
import { RecordCursor } from './record-cursor.ts'
import { saltOf } from './record-layout.ts'
import { recordChanges, recordFacts } from './record-reader.ts'
import { headBytes, readHeadOf, type SegmentHead } from './segment-head.ts'
import { listSegments, segmentPath, START_GAP, type Segment } from './segments.ts'

export interface Recovered {
  /** Oldest first. */
  readonly segments: readonly Segment[]
  readonly marks: LiveMarks
  /** Bytes of a torn tail, which are cut. */
  readonly cutBytes: number
}

interface Found {
  readonly segment: Segment
  readonly head: SegmentHead | undefined
  readonly size: number
  /** Bytes of it that were synced for sure. */
  readonly synced: number
}

/**
 * Reads a spool's folder, and cuts what is torn. `known` says whose segments these are where a head does not. With `syncs` all that
 * is found is on the disk when it resolves.
 */
export async function recoverSegments(
  disk: Disk,
  folder: string,
  known: Pick<Acknowledged, 'stream' | 'synced'> | undefined,
  slabs: SlabPool,
  syncs: boolean,
): Promise<Recovered> {
  const found: Found[] = []
  for (const first of await listSegments(disk, folder)) found.push(await look(disk, folder, first, known))
  const marks = new LiveMarks()
  const newest = found.findLastIndex(({ head }) => head)
  if (newest >= 0) marks.replace(found[newest].head!.marks)
  let cutBytes = 0
  for (const [index, each] of found.entries()) {
    const { segment } = each
    const next = found[index + 1]
    // Where the next head is whole it says the end of this one, and its marks are newer; unless it followed another, that
    // is missing now.
    const end = next?.head?.previousEnd
    if (end !== undefined && end < segment.first + START_GAP) segment.end = end
    else cutBytes += await scan(disk, each, next === undefined, index >= newest ? marks : undefined, slabs)
  }
  const last = found.at(-1)
  if (last && last.segment.bytes === 0) {
    await disk.remove(last.segment.path)
    await disk.syncFolder(folder)
    found.pop()
  } else if (last && syncs) {
    // Of a process that was killed the system may have what the disk has not yet: who sends it again is told that it is stored.
    await syncFile(disk, last.segment.path)
    await disk.syncFolder(folder)
  }
  const segments = found.map(({ segment }) => segment)
  return { segments, marks, cutBytes }
}

async function look(
  disk: Disk,
  folder: string,
  first: number,
  known: Pick<Acknowledged, 'stream' | 'synced'> | undefined,
): Promise<Found> {
  const path = segmentPath(folder, first)
  const file = await disk.open(path, 'read')
  try {
    const { size } = await file.stat()
    const head = await readHeadOf(file)
    const owner = head?.stream ?? known?.stream
    const synced = syncedIn(first, head, size, known?.synced)
    const segment: Segment = {
      ...{ path, stream: owner ?? '', first, salt: owner === undefined ? 0 : saltOf(owner) },
      headBytes: head ? headBytes(head) : 0,
      ...{ end: Math.max(first, synced.end), bytes: Math.max(size, synced.bytes), gone: false },
    }
    return { segment, head, size, synced: synced.bytes }
  } finally {
    await file.close()
  }
}

/**
 * How far the segment that begins at `first` was synced for sure: nothing is known of others than `synced`. On a full disk the
 * newest segment is cut to its head when everything in it is acknowledged (`spool-writer.ts`): then nothing is missing.
 */
export function syncedIn(
  first: number,
  head: SegmentHead | undefined,
  size: number,
  synced: SyncedEnd | undefined,
): Pick<SyncedEnd, 'bytes' | 'end'> {
  const isCut = head !== undefined && size === headBytes(head)
  return synced?.first === first && !isCut ? synced : { bytes: 0, end: first }
}

/** Finds the end of a segment, and applies what its records say of streams. Returns the bytes that it cut. */
async function scan(
  disk: Disk,
  { segment, size, synced }: Found,
  isLast: boolean,
  marks: LiveMarks | undefined,
  slabs: SlabPool,
): Promise<number> {
  const file = await disk.open(segment.path, 'read')
  const cursor = new RecordCursor(file, segment.headBytes, segment.salt, slabs)
  /** Where the first unreadable bytes of the newest group begin, and what whole records of that group stand behind them. */
  let cut: number | undefined
  let doubtful: { end: number; changes: MarkChange[] }[] = []
  const apply = ({ end, changes }: (typeof doubtful)[0]) => {
    segment.end = Math.max(segment.end, end)
    for (const change of changes) marks?.apply(change)
  }
  try {
    for (let found = await cursor.next(size); found; found = await cursor.next(size)) {
      const { bytes } = found.slab
      const { position, count, behindGroup } = recordFacts(bytes, found.at)
      const groupStart = found.offset - behindGroup
      if (cut !== undefined && groupStart > cut) {
        // A later group: what is unreadable before it was synced, and is damage.
        for (const each of doubtful.splice(0)) apply(each)
        cut = undefined
      }
      const torn = Math.max(found.offset - found.skipped, synced)
      if (torn < found.offset && groupStart <= torn) cut ??= torn
      const effect = { end: position + count, changes: recordChanges(bytes, found.at) }
      if (cut === undefined || !isLast) apply(effect)
      else doubtful.push(effect)
    }
    if (Math.max(cursor.offset, synced) < size) cut ??= Math.max(cursor.offset, synced)
  } finally {
    cursor.release()
    await file.close()
  }
  return isLast && cut !== undefined ? cutAt(disk, segment, size, cut) : 0
}

async function syncFile(disk: Disk, path: string): Promise<void> {
  const file = await disk.open(path, 'write')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

async function cutAt(disk: Disk, segment: Segment, size: number, at: number): Promise<number> {
  const file = await disk.open(segment.path, 'write')
  try {
    await file.truncate(at)
    await file.sync()
  } finally {
    await file.close()
  }
  segment.bytes = at
  return size - at
}
