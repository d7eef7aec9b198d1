// A disk buffer: batches are written at one end and read at the other, also after a crash. ARCHITECTURE.md describes its
// files and what a crash at each step means.
//
//   write ──▶ group ──▶ sync ──▶ segments ──▶ next ──▶ acknowledge ──▶ removed
//
// Each segment names the stream that it belongs to. When a cloned machine continues with a copy of a spool (`instance.ts`), the
// messages already in it are sent under the stream of the original, which sends them as well, so that the receiver stores them
// once. New messages go into new segments of a new stream. Positions rise across both streams, so that a single number still
// says how far the spool is acknowledged.

import type { Cancel } from '../clock.ts'
import { accessData } from '../data-access.ts'
import { reasonOf } from '../fault.ts'
import { SPOOL_ACKNOWLEDGE_EVERY_MS, SPOOL_IDLE_BYTES } from '../limits.ts'
import { RateLimitedWarning } from '../log.ts'
import type { Batch } from '../pipeline/batch.ts'
import type { StreamMarks } from '../pipeline/sink.ts'
import { newId } from '../random.ts'
import { AcknowledgedFile, NOTHING_SYNCED } from './acknowledged-file.ts'
import { dayOf, RETIRE } from './live-marks.ts'
import { missingAfter, recoverSegments } from './recovery.ts'
import { SegmentRemoval } from './segment-removal.ts'
import { SegmentList, START_GAP, type Segment } from './segments.ts'
import { makeSpoolFolder } from './spool-folder.ts'
import { SpoolReader } from './spool-reader.ts'
import type { SpaceUser } from './spool-room.ts'
import { SpoolWriter } from './spool-writer.ts'
import type { SpoolContext } from './spool-context.ts'

export class Spool implements StreamMarks, SpaceUser {
  readonly #context: SpoolContext
  readonly #file: AcknowledgedFile
  readonly #warning: RateLimitedWarning
  #stream = ''
  #list!: SegmentList
  #removal!: SegmentRemoval
  #writer!: SpoolWriter
  #reader!: SpoolReader
  /** The position `done` of the list that was last saved to the file. */
  #writtenDown = -1
  #saving: Promise<void> = Promise.resolve()
  /** When the oldest unacknowledged message was received, µs since the epoch; set by the pump, undefined if it does not know. */
  oldest: number | undefined
  #cancelTick: Cancel | undefined
  #ticking: Promise<void> | undefined

  constructor(context: SpoolContext) {
    const { disk, log, clock } = context.platform
    this.#context = context
    this.#file = new AcknowledgedFile(disk, context.folder, context.durability === 'fsync')
    this.#warning = new RateLimitedWarning(log, clock)
  }

  /** Recovers the spool that an earlier process left. Rejects as `accessData` does if the folder cannot be used, or with `DATA_NEWER`. */
  async open(): Promise<void> {
    await accessData(this.#context.folder, () => this.#recover())
    this.#tickLater()
  }

  /** Resolves when the batch is on disk. */
  write(batch: Batch): Promise<void> {
    return this.#writer.write(batch)
  }

  /** The position up to which an incoming stream is on disk; undefined if the spool has no mark for it. */
  positionOf(id: string): number | undefined {
    return this.#writer.positionOf(id)
  }

  marks(ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const known = ids.map((id) => [id, this.positionOf(id)] as const)
    return Promise.resolve(new Map(known.filter((mark): mark is [string, number] => mark[1] !== undefined)))
  }

  /** Id of the stream of new segments. In a copied spool, older segments still belong to the stream of the original. */
  get stream(): string {
    return this.#stream
  }

  /** Whether all unacknowledged messages belong to `stream`. */
  get isAllOwn(): boolean {
    const { all, acknowledged } = this.#list
    return all.every((segment) => segment.stream === this.#stream || segment.end <= acknowledged)
  }

  /** Records that these incoming streams have ended. Resolves when that is on disk. */
  retire(ids: readonly string[]): Promise<void> {
    const day = this.#today()
    return this.#writer.tell(ids.map((id) => ({ id, kind: RETIRE, position: 0, day })))
  }

  /** The next synced batch, or undefined if there is none yet. The caller must release the batch. */
  next(): Promise<Batch | undefined> {
    return this.#reader.next()
  }

  /** Resolves when there may be more for `next` to read. */
  grown(): Promise<void> {
    return this.#list.grown.next()
  }

  /** Resolves the promise of `grown` although nothing was written. */
  wake(): void {
    this.#list.grown.raise()
  }

  /** Position after the last message that `next` returned or had to skip as damaged. */
  get handedOut(): number {
    return this.#list.handedOut
  }

  /** Records that the receiver has everything up to this position. */
  acknowledge(position: number): void {
    this.#list.acknowledge(position)
    this.#reader.acknowledged(position)
    this.#removal.acknowledged(position)
    // A whole segment is removed at once, since a writer may be waiting for the room. Otherwise saving can wait for the next tick.
    if (this.#removal.isDue) this.#tick()
  }

  /** Makes `next` start again after the last acknowledged position. */
  async rewind(): Promise<void> {
    this.#removal.countDoubtful()
    await this.#reader.rewind()
  }

  /** Whether everything is acknowledged. */
  get isDrained(): boolean {
    return this.#list.isDrained
  }

  /** Messages that are not acknowledged. */
  get messages(): number {
    return this.#list.messages
  }

  /** The segments, from which `SpoolRoom` adds up what all lanes use. */
  get list(): SegmentList {
    return this.#list
  }

  dropOldest(): Promise<boolean> {
    return this.#removal.dropOldest()
  }

  /** If everything is acknowledged, frees the disk space of the newest segment except for its marks. */
  shrink(): void {
    if (this.#list.isDrained) this.#writer.shrink()
  }

  /** Commits waiting writes until the deadline, and rejects the rest with `STOPPING`. Reading continues. */
  closeIntake(deadlineMs: number): Promise<void> {
    return this.#writer.close(deadlineMs)
  }

  /** Call after `closeIntake`: saves the acknowledged position and closes all files. */
  async close(): Promise<void> {
    this.#cancelTick?.()
    await this.#ticking
    await this.#reader.close()
    // Nothing is in flight any more, so dropped messages that were not acknowledged did not arrive.
    this.#removal.countDoubtful()
    await this.#removal.countRemoved()
    await this.#tidy(true)
    await this.#file.close()
  }

  #today(): number {
    return dayOf(this.#context.platform.clock.now())
  }

  async #recover(): Promise<void> {
    const context = this.#context
    const { folder, platform, name } = context
    await makeSpoolFolder(platform.disk, folder)
    const known = await this.#file.read()
    const { disk, slabs } = platform
    const syncs = context.durability === 'fsync'
    const { segments, marks, cutBytes, foreign } = await recoverSegments(disk, folder, known, slabs, syncs)
    if (cutBytes > 0) {
      platform.metrics.count('sluice_spool_cut_bytes_total', { destination: name }, cutBytes)
      platform.log.warn(
        { destination: name, bytes: cutBytes },
        'the spool ended in an interrupted write, which was cut off',
      )
    }
    for (const [path, why] of foreign) {
      platform.log.warn({ destination: name, path }, `left alone, although it has the name of a segment: ${why}`)
    }
    const newest = segments.at(-1)
    const missing = known ? missingAfter(newest, known) : 0
    if (missing > 0) {
      platform.metrics.count('sluice_dropped_total', { reason: 'spool_damaged', where: name }, missing)
      platform.log.warn(
        { destination: name, folder, messages: missing },
        'the newest segments of the spool are missing',
      )
    }
    const acknowledged = known?.position ?? 0
    const isOwn = known?.instance === platform.instance
    this.#stream = isOwn ? known.stream : newId(platform.random)
    const isNew = newest === undefined && acknowledged === 0
    const position = isNew ? 0 : Math.max(newest?.end ?? 0, known?.synced.end ?? 0, acknowledged) + START_GAP
    const list = new SegmentList(segments, acknowledged, context.room.freed)
    this.#list = list
    const leave = (segment: Segment) => this.#reader.leave(segment)
    this.#removal = new SegmentRemoval(context, list, leave, () => this.#save())
    this.#writer = new SpoolWriter(context, list, this.#removal, { stream: this.#stream, marks, newest, position })
    this.#reader = new SpoolReader(context, list)
    context.room.join(this)
    // Synced even with `durability: os`: after a power cut, a copy must still know that it is one.
    if (!isOwn) await this.#writeDown(acknowledged, known || newest ? true : undefined)
    // What is missing is counted once: the next tick writes down that the spool ends before it.
    this.#writtenDown = missing > 0 ? -1 : acknowledged
    await this.#removal.removeAcknowledged()
    if (list.messages > 0) {
      platform.log.info(
        { destination: name, messages: list.messages, bytes: list.bytes },
        'the spool continues with the messages in it',
      )
    }
  }

  #writeDown(position: number, syncs?: true): Promise<void> {
    const { instance } = this.#context.platform
    const synced = this.#list.all.at(-1) ?? NOTHING_SYNCED
    return this.#file.write({ stream: this.#stream, position, instance, synced }, syncs)
  }

  #tickLater(): void {
    this.#cancelTick = this.#context.platform.clock.after(SPOOL_ACKNOWLEDGE_EVERY_MS, () => {
      this.#tick()
      this.#shrinkLarge()
      this.#tickLater()
    })
  }

  /** Saves the acknowledged position and removes acknowledged segments. Does nothing while an earlier call is running. */
  #tick(): void {
    this.#ticking ??= this.#tidy().finally(() => {
      this.#ticking = undefined
      // Another segment may have been acknowledged meanwhile.
      if (this.#removal.isDue) this.#tick()
    })
  }

  /** With `ends`, saves even if the acknowledged position has not changed, because the synced end of the newest segment may have. */
  async #tidy(ends = false): Promise<void> {
    await this.#writer.look()
    await this.#save(ends)
    await this.#removal.removeAcknowledged()
    this.#measure()
  }

  /** Saves how far everything is acknowledged or dropped, if that has changed or `always`. One write at a time. */
  #save(always = false): Promise<void> {
    this.#saving = this.#saving.then(async () => {
      const position = this.#list.done
      if (position <= this.#writtenDown && !always && !this.#file.isGone) return
      try {
        await this.#writeDown(position)
        this.#writtenDown = position
      } catch (error) {
        // Acknowledged segments are removed nevertheless: on a full disk, that is what makes room.
        const { name: destination, folder } = this.#context
        this.#warning.warn({ destination, folder, reason: reasonOf(error) }, 'cannot save what was acknowledged')
      }
    })
    return this.#saving
  }

  /** A drained spool keeps its newest segment only for the marks, which need no large file. */
  #shrinkLarge(): void {
    const newest = this.#list.all.at(-1)
    if (newest && newest.bytes - newest.headBytes >= SPOOL_IDLE_BYTES) this.shrink()
  }

  #measure(): void {
    const { platform, name: destination } = this.#context
    const { bytes, messages, oldest } = this.#context.room
    const age = messages === 0 || oldest === undefined ? 0 : (platform.clock.now() - oldest) / 1e6
    platform.metrics.set('sluice_spool_bytes', { destination }, bytes)
    platform.metrics.set('sluice_spool_messages', { destination }, messages)
    platform.metrics.set('sluice_spool_age_seconds', { destination }, Math.max(0, age))
  }
}
