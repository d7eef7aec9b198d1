// Recovers the segments of a spool at a start.
//
//   segment 1      segment 2      segment 3
//   head records   head records   head records torn
//                                 └─ marks ─▶└─ cut
//
// Only the newest segment can end in a group whose sync had not returned, because a group is begun only when the one before it
// is synced. So the marks are those of the newest intact head, advanced by the records after it, and the newest segment is cut at
// the first unreadable byte of its last group. Unreadable bytes before that group, or before the synced end that `acknowledged`
// recorded, were once synced: they are damage, which the reader skips and counts.

import { accessData } from '../data-access.ts'
import type { Disk } from '../disk.ts'
import type { SlabPool } from '../pipeline/slab.ts'
import { withFile } from '../with-file.ts'
import type { Acknowledged, SyncedEnd } from './acknowledged-file.ts'
import { LiveMarks, type MarkChange } from './live-marks.ts'
import { RecordCursor } from './record-cursor.ts'
import { saltOf } from './record-layout.ts'
import { recordChanges, recordFacts } from './record-reader.ts'
import { headBytes, readHeadOf, type SegmentHead } from './segment-head.ts'
import { listSegments, missingBetween, segmentPath, START_GAP, whyForeign, type Segment } from './segments.ts'

export interface Recovered {
  /** Oldest first. */
  readonly segments: readonly Segment[]
  readonly marks: LiveMarks
  /** Bytes of the torn tail that were cut off. */
  readonly cutBytes: number
  /** Paths of what has the name of a segment but is none, with the reason. It is left alone. */
  readonly foreign: ReadonlyMap<string, string>
}

interface Found {
  readonly segment: Segment
  readonly head: SegmentHead | undefined
  readonly size: number
  /** Bytes of it that are known to have been synced. */
  readonly synced: number
  /** Why it is none of this spool's segments; undefined if it is one. */
  readonly foreign: string | undefined
}

/**
 * Reads the folder of a spool and cuts a torn tail. `known` is the content of `acknowledged`: it names the stream of segments whose head
 * is damaged. With `syncs`, everything recovered is on disk when the promise resolves. Rejects with `DISK_ERROR` and the path of
 * a segment that the disk refuses to read.
 */
export async function recoverSegments(
  disk: Disk,
  folder: string,
  known: Pick<Acknowledged, 'stream' | 'position' | 'synced'> | undefined,
  slabs: SlabPool,
  syncs: boolean,
): Promise<Recovered> {
  const found: Found[] = []
  const foreign = new Map<string, string>()
  for (const first of await listSegments(disk, folder)) {
    const path = segmentPath(folder, first)
    const each = await accessData(path, () => look(disk, path, first, known))
    if (each.foreign === undefined) found.push(each)
    else foreign.set(path, each.foreign)
  }
  const marks = new LiveMarks()
  const newest = found.findLastIndex(({ head }) => head)
  if (newest >= 0) marks.replace(found[newest].head!.marks)
  let cutBytes = 0
  const segments: Segment[] = []
  // A segment is removed only when it is saved that it is done with (`segment-removal.ts`).
  const oldest = found.at(0)
  if (oldest?.head && known) {
    segments.push(...missingSegment({ ...oldest.segment, end: known.position }, oldest.head.previousEnd))
  }
  for (const [index, each] of found.entries()) {
    const { segment } = each
    const next = found[index + 1]
    segments.push(segment)
    // If the next head is intact, it says where this segment ended, and its marks are newer.
    const end = next?.head?.previousEnd
    if (end !== undefined && end < segment.first + START_GAP) segment.end = end
    else {
      const advanced = index >= newest ? marks : undefined
      cutBytes += await accessData(segment.path, () => scan(disk, each, next === undefined, advanced, slabs))
      // An end too far away is that of a segment of a later run, which is missing now.
      if (end !== undefined) segments.push(...missingSegment(segment, end))
    }
  }
  const last = found.at(-1)
  if (last && last.segment.bytes === 0) {
    await disk.remove(last.segment.path)
    await disk.syncFolder(folder)
    segments.pop()
  } else if (last && syncs) {
    // After a killed process, data may be in the page cache but not yet on disk. It is synced before a source that sends it again is
    // told that it is stored.
    await withFile(disk, last.segment.path, 'write', (file) => file.sync())
    await disk.syncFolder(folder)
  }
  return { segments, marks, cutBytes, foreign }
}

/** What is missing after `segment`, as a segment without a file: the reader skips it, and counts its messages. */
function missingSegment(segment: Segment, end: number): Segment[] {
  const first = end - missingBetween(segment.end, end)
  return first < end ? [{ ...segment, path: `${segment.path}.missing`, first, end, bytes: 0 }] : []
}

async function look(
  disk: Disk,
  path: string,
  first: number,
  known: Pick<Acknowledged, 'stream' | 'synced'> | undefined,
): Promise<Found> {
  return withFile(disk, path, 'read', async (file) => {
    const { kind, size } = await file.stat()
    const head = kind === 'file' ? await readHeadOf(file) : undefined
    const owner = head?.stream ?? known?.stream
    const synced = syncedIn(first, head, size, known?.synced)
    const segment: Segment = {
      ...{ path, stream: owner ?? '', first, salt: owner === undefined ? 0 : saltOf(owner) },
      headBytes: head ? headBytes(head) : 0,
      ...{ end: Math.max(first, synced.end), bytes: Math.max(size, synced.bytes), gone: false },
    }
    return { segment, head, size, synced: synced.bytes, foreign: whyForeign(kind, first, head) }
  })
}

/**
 * How far the segment that begins at `first` is known to have been synced: 0 bytes, unless it is the one that `synced` describes. A segment
 * that ends with its head was cut on a full disk after everything in it was acknowledged (`spool-writer.ts`), so nothing is missing.
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

/**
 * Number of unacknowledged messages in segments after `newest` that are missing although `acknowledged` names the last of them. Before
 * that one, it counts only those of the same run: where an earlier run ended is not known.
 */
export function missingAfter(
  newest: Pick<Segment, 'first' | 'end'> | undefined,
  { position, synced }: Acknowledged,
): number {
  if (synced.bytes === 0 || (newest && newest.first >= synced.first)) return 0
  const from = Math.max(position, newest?.end ?? 0)
  return Math.max(0, synced.end - (synced.end - from < START_GAP ? from : synced.first))
}

/** Finds the end of a segment, and applies the changes of marks in its records. Returns the number of bytes that it cut off. */
async function scan(
  disk: Disk,
  { segment, size, synced }: Found,
  isLast: boolean,
  marks: LiveMarks | undefined,
  slabs: SlabPool,
): Promise<number> {
  const file = await disk.open(segment.path, 'read')
  const cursor = new RecordCursor(file, segment.headBytes, segment.salt, slabs)
  /** Where the first unreadable bytes of the newest group begin, and the readable records of that group after them. */
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
        // A later group was begun, so the unreadable bytes before it were synced: they are damage.
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

async function cutAt(disk: Disk, segment: Segment, size: number, at: number): Promise<number> {
  await withFile(disk, segment.path, 'write', async (file) => {
    await file.truncate(at)
    await file.sync()
  })
  segment.bytes = at
  return size - at
}
