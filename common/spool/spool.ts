// A disk buffer: batches go in at one end and come out at the other, later, also after a crash. ARCHITECTURE.md draws its
// files and says what happens at which step.
//
//   write ──▶ group ──▶ sync ──▶ segments ──▶ next ──▶ acknowledge ──▶ removed
//
// Each segment says whose stream it is. In a copy of a spool that goes on on another machine (`instance.ts`), what is there is
// sent under the stream of the original, which sends it as well: the receiver keeps it once. What comes now goes into new
// segments of a stream of its own. Positions go up across both, so that one number still says what is acknowledged.

import { dirname } from 'node:path'
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
import { recoverSegments } from './recovery.ts'
import { SegmentRemoval } from './segment-removal.ts'
import { SegmentList, START_GAP } from './segments.ts'
import { SpoolReader } from './spool-reader.ts'
import type { Roommate } from './spool-room.ts'
import { SpoolWriter } from './spool-writer.ts'
import type { SpoolContext } from './spool-context.ts'

export class Spool implements StreamMarks, Roommate {
  readonly #context: SpoolContext
  readonly #file: AcknowledgedFile
  readonly #warning: RateLimitedWarning
  #stream = ''
  #list!: SegmentList
  #removal!: SegmentRemoval
  #writer!: SpoolWriter
  #reader!: SpoolReader
  /** As it stands in the file. */
  #writtenDown = -1
  /** When the oldest message that is not acknowledged was received, µs since the epoch, as far as its reader knows. */
  oldest: number | undefined
  #cancelTick: Cancel | undefined
  #ticking: Promise<void> | undefined

  constructor(context: SpoolContext) {
    const { disk, log, clock } = context.platform
    this.#context = context
    this.#file = new AcknowledgedFile(disk, context.folder, context.durability === 'fsync')
    this.#warning = new RateLimitedWarning(log, clock)
  }

  /** Reads what a run before this one left. Rejects with `DATA_UNWRITABLE` where the folder cannot be used. */
  async open(): Promise<void> {
    await accessData(this.#context.folder, () => this.#recover())
    this.#tickLater()
  }

  /** Resolves when the batch is on the disk. */
  write(batch: Batch): Promise<void> {
    return this.#writer.write(batch)
  }

  /** Up to where an incoming stream is on the disk; undefined where it is not known here. */
  positionOf(id: string): number | undefined {
    return this.#writer.positionOf(id)
  }

  marks(ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const known = ids.map((id) => [id, this.positionOf(id)] as const)
    return Promise.resolve(new Map(known.filter((mark): mark is [string, number] => mark[1] !== undefined)))
  }

  /** Its own: what it gives out is in this one, but for what a copy took over. */
  get stream(): string {
    return this.#stream
  }

  /** Whether all that is not acknowledged is in its own stream. */
  get isAllOwn(): boolean {
    const { all, acknowledged } = this.#list
    return all.every((segment) => segment.stream === this.#stream || segment.end <= acknowledged)
  }

  /** These incoming streams are over. */
  retire(ids: readonly string[]): Promise<void> {
    const day = this.#today()
    return this.#writer.tell(ids.map((id) => ({ id, kind: RETIRE, position: 0, day })))
  }

  /** The next batch on the disk, whose hold of its slab is the caller's; undefined where there is none yet. */
  next(): Promise<Batch | undefined> {
    return this.#reader.next()
  }

  /** Resolves when there may be more to read. */
  grown(): Promise<void> {
    return this.#list.grown.next()
  }

  /** Resolves what `grown` gave, although nothing came. */
  wake(): void {
    this.#list.grown.raise()
  }

  /** Position behind the last message that `next` gave or had to skip. */
  get handedOut(): number {
    return this.#list.handedOut
  }

  /** The receiver has everything up to here. */
  acknowledge(position: number): void {
    this.#list.acknowledge(position)
    this.#removal.acknowledged(position)
    // Removed at once, since somebody may wait for the room; the rest has time until the next tick.
    if (this.#removal.isDue) this.#tick()
  }

  /** `next` begins again behind what is acknowledged. */
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

  /** Its part of what it shares the room with. */
  get list(): SegmentList {
    return this.#list
  }

  dropOldest(): Promise<boolean> {
    return this.#removal.dropOldest()
  }

  /** Gives back the disk where it has nothing to give. */
  shrink(): void {
    if (this.#list.isDrained) this.#writer.shrink()
  }

  /** Writes what waits until the deadline, and rejects the rest with `STOPPING`. The reader goes on. */
  closeIntake(deadlineMs: number): Promise<void> {
    return this.#writer.close(deadlineMs)
  }

  /** After `closeIntake`: writes down what is acknowledged, and closes all files. */
  async close(): Promise<void> {
    this.#cancelTick?.()
    await this.#ticking
    await this.#reader.close()
    // Nothing is on its way any more: what was dropped and not acknowledged did not arrive.
    this.#removal.countDoubtful()
    await this.#tidy(true)
    await this.#file.close()
  }

  #today(): number {
    return dayOf(this.#context.platform.clock.now())
  }

  async #recover(): Promise<void> {
    const context = this.#context
    const { folder, platform, name } = context
    await this.#makeFolder()
    const known = await this.#file.read()
    const { disk, slabs } = platform
    const syncs = context.durability === 'fsync'
    const { segments, marks, cutBytes } = await recoverSegments(disk, folder, known, slabs, syncs)
    if (cutBytes > 0) {
      platform.metrics.count('sluice_spool_cut_bytes_total', { destination: name }, cutBytes)
      platform.log.warn(
        { destination: name, bytes: cutBytes },
        'the spool ended in an interrupted write, which was cut off',
      )
    }
    const newest = segments.at(-1)
    const acknowledged = known?.position ?? 0
    const isOwn = known?.instance === platform.instance
    this.#stream = isOwn ? known.stream : newId(platform.random)
    const isNew = newest === undefined && acknowledged === 0
    const position = isNew ? 0 : Math.max(newest?.end ?? 0, known?.synced.end ?? 0, acknowledged) + START_GAP
    const list = new SegmentList(segments, acknowledged, context.room.freed)
    this.#list = list
    this.#removal = new SegmentRemoval(context, list, (segment) => this.#reader.leave(segment))
    this.#writer = new SpoolWriter(context, list, this.#removal, { stream: this.#stream, marks, newest, position })
    this.#reader = new SpoolReader(context, list)
    context.room.join(this)
    // A copy must not forget that it is one, whatever else is left to the system to write.
    if (!isOwn) await this.#writeDown(acknowledged, known || newest ? true : undefined)
    this.#writtenDown = acknowledged
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

  async #makeFolder(): Promise<void> {
    const { folder, platform } = this.#context
    const made = await platform.disk.makeFolder(folder)
    // Every name on the way that is new, in the folder that it stands in.
    for (let path = folder; made !== undefined && path.length >= made.length; path = dirname(path)) {
      await platform.disk.syncFolder(dirname(path))
    }
  }

  #tickLater(): void {
    this.#cancelTick = this.#context.platform.clock.after(SPOOL_ACKNOWLEDGE_EVERY_MS, () => {
      this.#tick()
      this.#shrinkLarge()
      this.#tickLater()
    })
  }

  /** Writes down what is acknowledged, and removes what that frees. One at a time. */
  #tick(): void {
    this.#ticking ??= this.#tidy().finally(() => {
      this.#ticking = undefined
      // Acknowledged meanwhile.
      if (this.#removal.isDue) this.#tick()
    })
  }

  /** `ends`: also how far the newest segment is synced, with nothing acknowledged anew. */
  async #tidy(ends = false): Promise<void> {
    const { acknowledged } = this.#list
    if (acknowledged > this.#writtenDown || ends) {
      try {
        await this.#writeDown(acknowledged)
        this.#writtenDown = acknowledged
      } catch (error) {
        // On a full disk, what is acknowledged must go all the same: that is what makes room.
        const values = { destination: this.#context.name, reason: reasonOf(error) }
        this.#warning.warn(values, 'cannot save what was acknowledged')
      }
    }
    await this.#removal.removeAcknowledged()
    this.#measure()
  }

  /** The marks alone need no large segment. */
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
