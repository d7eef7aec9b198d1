// What waits, as the bytes of one group: messages that were stored before are left out, and marks advance with the rest.

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

/** A batch, or news of streams. */
export interface Waiting {
  readonly batch?: Batch
  readonly changes?: readonly MarkChange[]
  /** Of its messages. */
  readonly bytes: number
  readonly resolve: () => void
  readonly reject: (fault: Fault) => void
}

export interface Group {
  /** What it holds: the first of what waited. */
  readonly taken: readonly Waiting[]
  segment: Segment
  /** The group is `[0, length)` of these; nothing has to be written where that is 0. */
  readonly bytes: Buffer
  readonly length: number
  /** Position after its last message. */
  readonly end: number
  readonly changes: readonly MarkChange[]
}

/** Where a writer begins. */
export interface SpoolStart {
  readonly stream: string
  readonly marks: LiveMarks
  /** The newest segment that there is. */
  readonly newest: Segment | undefined
  /** Position of the next message. */
  readonly position: number
}

export class GroupEncoder {
  readonly #context: SpoolContext
  readonly #stream: string
  readonly #salt: number
  readonly #segmentBytes: number
  /** A group ends with the item that reaches this. */
  readonly groupBytes: number
  readonly #buffer = new GroupBuffer()
  /** As they will be when all groups encoded so far are on the disk; one at most is not. */
  readonly #marks: LiveMarks
  /** As they are on the disk. */
  readonly durable: LiveMarks
  #previousEnd: number
  #position: number
  #newestFirst: number
  /** The segment that the next group goes into; a new one where undefined. */
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

  /** Encodes as much of what waits as goes into one group and its room; undefined where not even the first does. */
  encode(waiting: readonly Waiting[], room: Room): Group | undefined {
    const { clock, name, metrics } = { ...this.#context, ...this.#context.platform }
    const now = clock.now()
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
    if (repeats > 0) {
      metrics.count('sluice_repeats_total', { destination: name }, repeats)
      // As where there is no spool: what is there already is stored.
      metrics.count('sluice_stored_total', { destination: name }, repeats)
    }
    const { bytes, length } = this.#buffer
    return { taken, segment, bytes, length: written ? length : 0, end: position, changes: all }
  }

  /** The group is on the disk, all of it. */
  committed({ segment, length, end, changes }: Group): void {
    for (const change of changes) this.durable.apply(change)
    this.#position = end
    if (length === 0) return
    const isFull = segment.bytes + length - segment.headBytes >= this.#segmentBytes
    this.#previousEnd = end
    this.#newestFirst = segment.first
    this.#active = isFull ? undefined : segment
  }

  /** A segment that has nothing but the marks, and its bytes. */
  emptySegment(): { readonly segment: Segment; readonly bytes: Buffer } {
    const buffer = new GroupBuffer()
    const segment = this.#begin(this.#context.platform.clock.now(), buffer)
    return { segment, bytes: buffer.bytes.subarray(0, buffer.length) }
  }

  /** The next group goes into this segment, which is on the disk; into a new one where undefined. */
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
    // One name, one file: also where a segment holds news of streams and no message.
    const first = Math.max(this.#position, this.#newestFirst + 1)
    const marks = this.durable.all
    const stream = this.#stream
    const head = { stream, first, previousEnd: this.#previousEnd, made: now, marks }
    writeHead(head, into)
    const path = segmentPath(this.#context.folder, first)
    return { path, stream, first, headBytes: headBytes(head), salt: this.#salt, end: first, bytes: 0, gone: false }
  }

  /** Writes what is new of an item. */
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
