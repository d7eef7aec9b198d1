// Encodes waiting writes as the bytes of one group. Messages that are already stored (according to the marks) are left out, and
// the marks advance with the others.

import { SPOOL_GROUP_BYTES } from '../limits.ts'
import { releaseBatch, selectMessages, type Batch } from '../pipeline/batch.ts'
import type { Fault } from '../fault.ts'
import { GroupBuffer } from './group-buffer.ts'
import { ADVANCE, dayOf, LiveMarks, type MarkChange } from './live-marks.ts'
import { saltOf } from './record-layout.ts'
import { newsOnly, writeRecord } from './record-writer.ts'
import { headBytes, writeHead } from './segment-head.ts'
import { segmentPath, type Segment } from './segments.ts'
import type { SpoolContext } from './spool-context.ts'
import type { Room } from './spool-room.ts'

/** A write that waits to be committed: a batch, or changes of marks. */
export interface Waiting {
  readonly batch?: Batch
  readonly changes?: readonly MarkChange[]
  /** Bytes of its messages. */
  readonly bytes: number
  readonly resolve: () => void
  readonly reject: (fault: Fault) => void
}

export interface Group {
  /** The writes in this group: the first of those that were waiting. */
  readonly taken: readonly Waiting[]
  readonly segment: Segment
  /** The group is `[0, length)` of these. If `length` is 0, there is nothing to write. */
  readonly bytes: Buffer
  readonly length: number
  /** Position after its last message. */
  readonly end: number
  readonly changes: readonly MarkChange[]
  /** Number of messages that were left out because they are stored. */
  readonly repeats: number
}

/** The state that a writer continues from. */
export interface SpoolStart {
  readonly stream: string
  readonly marks: LiveMarks
  /** The newest existing segment. */
  readonly newest: Segment | undefined
  /** Position of the next message. */
  readonly position: number
}

export class GroupEncoder {
  readonly #context: SpoolContext
  readonly #stream: string
  readonly #salt: number
  readonly #segmentBytes: number
  /** A group ends with the item that makes it reach this size. */
  readonly groupBytes: number
  readonly #buffer = new GroupBuffer()
  /** The marks including the group that is encoded but not yet on disk, if there is one. */
  readonly #marks: LiveMarks
  /** The marks as they are on disk. */
  readonly durable: LiveMarks
  #previousEnd: number
  #position: number
  #newestFirst: number
  /** The segment that the next group goes into; a new one if undefined. */
  #active: Segment | undefined

  constructor(context: SpoolContext, { stream, marks, newest, position }: SpoolStart) {
    this.#context = context
    this.#stream = stream
    this.#salt = saltOf(stream)
    this.#segmentBytes = context.room.segmentBytes
    this.groupBytes = Math.min(SPOOL_GROUP_BYTES, this.#segmentBytes)
    this.#marks = marks
    this.durable = new LiveMarks()
    this.durable.replace(marks.all)
    this.#previousEnd = newest?.end ?? 0
    this.#newestFirst = newest?.first ?? -1
    this.#position = position
  }

  /** Encodes as many waiting writes as fit into one group and into `room`; undefined if not even the first one fits. */
  encode(waiting: readonly Waiting[], room: Room): Group | undefined {
    const now = this.#context.platform.clock.now()
    this.#buffer.clear(2 * SPOOL_GROUP_BYTES)
    if (this.#marks.areTooMany) this.#expire(dayOf(now))
    const segment = this.#active ?? this.#begin(now, this.#buffer)
    const taken: Waiting[] = []
    const all: MarkChange[] = []
    let position = Math.max(this.#position, segment.first)
    let repeats = 0
    let written = false
    for (const item of waiting) {
      const start = this.#buffer.length
      const added = this.#add(item, position, now)
      if (this.#buffer.length > room.bytes && !(room.forOne && taken.length === 0)) {
        this.#buffer.length = start
        break
      }
      written ||= this.#buffer.length > start
      taken.push(item)
      position += added.count
      repeats += added.repeats
      for (const change of added.changes) {
        this.#marks.apply(change)
        all.push(change)
      }
      if (this.#buffer.length >= this.groupBytes) break
    }
    if (taken.length === 0) return undefined
    const { bytes, length } = this.#buffer
    return { taken, segment, bytes, length: written ? length : 0, end: position, changes: all, repeats }
  }

  /** Call when the whole group is on disk. */
  committed({ segment, length, end, changes, repeats }: Group): void {
    const { platform, name: destination } = this.#context
    if (repeats > 0) {
      platform.metrics.count('sluice_repeats_total', { destination }, repeats)
      // Repeats count as stored, as in destinations without a spool.
      platform.metrics.count('sluice_stored_total', { destination }, repeats)
    }
    for (const change of changes) this.durable.apply(change)
    this.#position = end
    if (length === 0) return
    const isFull = segment.bytes + length - segment.headBytes >= this.#segmentBytes
    this.#previousEnd = end
    this.#newestFirst = segment.first
    this.#active = isFull ? undefined : segment
  }

  /** Call instead of `committed` if the group is to be encoded again. */
  takeBack(): void {
    this.#marks.replace(this.durable.all)
  }

  /** A segment without messages, and its bytes: a head with all marks. */
  emptySegment(): { readonly segment: Segment; readonly bytes: Buffer } {
    const buffer = new GroupBuffer()
    const segment = this.#begin(this.#context.platform.clock.now(), buffer)
    return { segment, bytes: buffer.bytes.subarray(0, buffer.length) }
  }

  /** Makes the next group go into this segment, which is on disk, or into a new one if undefined. */
  use(segment: Segment | undefined): void {
    this.#active = segment
    if (segment) this.#newestFirst = segment.first
  }

  #expire(today: number): void {
    this.#marks.expire(today)
    const over = this.durable.expire(today)
    if (over > 0) {
      const { platform, name } = this.#context
      platform.log.warn(
        { destination: name, streams: over },
        'too many incoming streams: the spool forgets those that have been silent for longest',
      )
    }
  }

  #begin(now: number, into: GroupBuffer): Segment {
    this.#expire(dayOf(now))
    // Segments are named by this position, so it must be new even if the segment before has no messages.
    const first = Math.max(this.#position, this.#newestFirst + 1)
    const marks = this.durable.all
    const stream = this.#stream
    const head = { stream, first, previousEnd: this.#previousEnd, made: now, marks }
    writeHead(head, into)
    const path = segmentPath(this.#context.folder, first)
    return { path, stream, first, headBytes: headBytes(head), salt: this.#salt, end: first, bytes: 0, gone: false }
  }

  /** Encodes the part of an item that is not stored yet. */
  #add({ batch, changes = [] }: Waiting, position: number, now: number) {
    if (!batch) {
      if (changes.length > 0) writeRecord(newsOnly(now), changes, position, this.#salt, this.#buffer)
      return { count: 0, repeats: 0, changes }
    }
    const fresh = this.#marks.fresh(batch)
    const part = fresh ? selectMessages(batch, fresh) : batch
    const advances = this.#advances(batch, dayOf(now))
    if (part.count > 0 || advances.length > 0) writeRecord(part, advances, position, this.#salt, this.#buffer)
    if (fresh) releaseBatch(part)
    return { count: part.count, repeats: batch.count - part.count, changes: advances }
  }

  #advances({ runs }: Batch, day: number): MarkChange[] {
    const changes = new Map<string, MarkChange>()
    for (const { stream } of runs) {
      if (!stream) continue
      const known = changes.get(stream.id)?.position ?? this.#marks.positionOf(stream.id) ?? -1
      if (stream.to > known) changes.set(stream.id, { id: stream.id, kind: ADVANCE, position: stream.to, day })
    }
    return [...changes.values()]
  }
}
