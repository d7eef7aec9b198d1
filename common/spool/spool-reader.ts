// Reads a spool as batches, from the last acknowledged position on, and never beyond the last sync.

import { errnoOf, Fault, reasonOf } from '../fault.ts'
import type { DiskFile } from '../disk.ts'
import { RateLimitedWarning } from '../log.ts'
import type { Batch } from '../pipeline/batch.ts'
import { OriginReader } from '../pipeline/origin-bytes.ts'
import { RecordCursor, type FoundRecord } from './record-cursor.ts'
import { readBehind, recordFacts } from './record-reader.ts'
import { messagesWithin, type Segment, type SegmentList } from './segments.ts'
import type { SpoolContext } from './spool-context.ts'

interface OpenSegment {
  readonly segment: Segment
  readonly file: DiskFile
  readonly cursor: RecordCursor
}

export class SpoolReader {
  readonly #context: SpoolContext
  readonly #list: SegmentList
  readonly #origins = new OriginReader()
  readonly #warning: RateLimitedWarning
  #open: OpenSegment | undefined
  #isReading = false
  /**
   * Skipped damage that is not acknowledged, with the position after it. Its messages are waiting until then, since they are found
   * damaged again after a rewind or a restart.
   */
  #skipped: { readonly end: number; readonly messages: number }[] = []

  constructor(context: SpoolContext, list: SegmentList) {
    this.#context = context
    this.#list = list
    this.#warning = new RateLimitedWarning(context.platform.log, context.platform.clock)
  }

  /**
   * The next batch, or undefined if everything synced has been read. The caller must release the batch. Rejects with `DISK_ERROR` and
   * the path of a segment that the disk refuses to read.
   */
  async next(): Promise<Batch | undefined> {
    this.#isReading = true
    try {
      return await this.#next()
    } finally {
      this.#isReading = false
    }
  }

  /** Closes a segment that is about to be removed: its disk space becomes free only when no descriptor is open on it. */
  async leave(segment: Segment): Promise<void> {
    segment.gone = true
    if (this.#open?.segment === segment && !this.#isReading) await this.close()
  }

  async #next(): Promise<Batch | undefined> {
    for (;;) {
      const open = await this.#unread()
      if (!open) return undefined
      const { segment, cursor } = open
      const { bytes, end } = segment
      const found = await this.#read(open)
      if (segment.gone) continue
      if (!found) {
        this.#skip(segment, bytes - cursor.offset, end)
        cursor.skipTo(bytes)
        continue
      }
      const { position, count } = recordFacts(found.slab.bytes, found.at)
      if (found.skipped > 0) this.#skip(segment, found.skipped, position)
      const mark = this.#list.handedOut
      if (position + count <= mark) continue
      this.#list.handedOut = position + count
      return readBehind(mark, found.slab, found.at, segment.stream, this.#origins)
    }
  }

  async #read({ segment: { path, bytes }, cursor }: OpenSegment): Promise<FoundRecord | undefined> {
    try {
      return await cursor.next(bytes)
    } catch (cause) {
      throw new Fault('DISK_ERROR', `${path}: ${reasonOf(cause)}`, { cause, retryable: true })
    }
  }

  /** Everything up to this position is acknowledged: the messages of damage before it are lost, and are counted now. */
  acknowledged(position: number): void {
    const { platform, name } = this.#context
    for (let [first] = this.#skipped; first !== undefined && first.end <= position; [first] = this.#skipped) {
      platform.metrics.count('sluice_dropped_total', { reason: 'spool_damaged', where: name }, first.messages)
      this.#skipped.shift()
    }
  }

  /** Goes back to the last acknowledged position. */
  async rewind(): Promise<void> {
    this.#skipped = []
    this.#list.handedOut = this.#list.acknowledged
    await this.close()
  }

  async close(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    open?.cursor.release()
    // Nothing was written through this descriptor, so an error loses nothing; a rejection would end the reading for good.
    await open?.file.close().catch(() => {})
  }

  /** The oldest segment with unread messages. */
  async #unread(): Promise<OpenSegment | undefined> {
    for (;;) {
      const { all, handedOut } = this.#list
      const next = all.find((segment) => !segment.gone && messagesWithin(segment, handedOut, Infinity) > 0)
      if (next === undefined && this.#open?.segment.gone) await this.close()
      if (next === undefined || next === this.#open?.segment) return next && this.#open
      await this.close()
      try {
        const file = await this.#context.platform.disk.open(next.path, 'read')
        this.#open = { segment: next, file, cursor: this.#cursorOf(next, file) }
      } catch (error) {
        const isRemoved = errnoOf(error) === 'ENOENT' && next !== this.#list.all.at(-1)
        if (!isRemoved) throw error
        if (!next.gone) this.#skip(next, 0, next.end)
      }
    }
  }

  #cursorOf({ headBytes, salt }: Segment, file: DiskFile): RecordCursor {
    return new RecordCursor(file, headBytes, salt, this.#context.platform.slabs)
  }

  /**
   * Skips damage: what lay between the last message read and `position` was once synced, and is now unreadable; or missing, if there are
   * no `bytes`.
   */
  #skip({ path, first }: Segment, bytes: number, position: number): void {
    const from = Math.max(first, this.#list.handedOut)
    const messages = messagesWithin({ first, end: position }, from, Infinity)
    this.#list.handedOut = Math.max(this.#list.handedOut, position)
    if (messages > 0) this.#skipped.push({ end: position, messages })
    const { name: destination, folder } = this.#context
    if (bytes > 0) {
      this.#warning.warn({ destination, path, bytes, messages }, 'a part of the spool is damaged and was skipped')
    } else {
      const values = { destination, folder, from, to: position, messages }
      this.#warning.warn(values, 'segments of the spool are missing, and their messages were skipped')
    }
  }
}
