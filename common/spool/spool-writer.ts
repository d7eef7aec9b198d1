// Writes batches into a spool (group commit): waiting batches are gathered into groups, and each group is one write and one sync.
//
//   writes ──▶ waiting ──▶ group: encoded, written, synced ──▶ settled, and visible to the reader
//                 │
//                 └── no room: wait for the reader (`block`), or drop the oldest segment (`drop-oldest`)
//
// One group is in progress at a time. After an error, the same bytes are written again at the same offset: after a failed fsync
// the kernel may have marked pages clean that never reached the disk, and only writing them again marks them dirty.

import { sleep } from '../clock.ts'
import { errnoOf, Fault, reasonOf } from '../fault.ts'
import {
  SPOOL_CUT_BYTES_MIN,
  SPOOL_GROUP_BYTES,
  SPOOL_RETRY_FIRST_MS,
  SPOOL_RETRY_MAX_MS,
  SPOOL_SYNC_EVERY_MS,
} from '../limits.ts'
import { RateLimitedWarning } from '../log.ts'
import { batchBytes, type Batch } from '../pipeline/batch.ts'
import { Backoff } from '../retry.ts'
import { GroupEncoder, type Group, type SpoolStart, type Waiting } from './group-encoder.ts'
import type { MarkChange } from './live-marks.ts'
import { SegmentFile } from './segment-file.ts'
import type { SegmentRemoval } from './segment-removal.ts'
import type { Segment, SegmentList } from './segments.ts'
import type { SpoolContext } from './spool-context.ts'
import type { SpoolRoom } from './spool-room.ts'

export class SpoolWriter {
  readonly #context: SpoolContext
  readonly #list: SegmentList
  readonly #removal: SegmentRemoval
  readonly #encoder: GroupEncoder
  readonly #file: SegmentFile
  readonly #room: SpoolRoom
  readonly #warning: RateLimitedWarning
  readonly #backoff: Backoff
  readonly #stop = new AbortController()
  readonly #waiting: Waiting[] = []
  #waitingBytes = 0
  #running: Promise<void> | undefined
  #beganMs = -Infinity
  #hurry: (() => void) | undefined
  #failing = false
  /** The newest segment was cut to its head, so that the marks on disk are older than those in memory. */
  #marksAreOld = false

  constructor(context: SpoolContext, list: SegmentList, removal: SegmentRemoval, start: SpoolStart) {
    const { disk, clock, log, random } = context.platform
    this.#context = context
    this.#list = list
    this.#removal = removal
    this.#encoder = new GroupEncoder(context, start)
    this.#file = new SegmentFile(disk, context.folder, context.durability === 'fsync')
    this.#room = context.room
    this.#warning = new RateLimitedWarning(log, clock)
    this.#backoff = new Backoff(random, SPOOL_RETRY_FIRST_MS, SPOOL_RETRY_MAX_MS)
  }

  /** Resolves when the batch is on disk. */
  write(batch: Batch): Promise<void> {
    return this.#push({ batch }, batchBytes(batch))
  }

  /** Resolves when these changes of marks are on disk. */
  tell(changes: readonly MarkChange[]): Promise<void> {
    return changes.length === 0 ? Promise.resolve() : this.#push({ changes }, 0)
  }

  /** The position up to which a stream is on disk; undefined if it has no mark. */
  positionOf(id: string): number | undefined {
    return this.#encoder.durable.positionOf(id)
  }

  /** Frees the disk space of a drained spool except for its marks, unless a write is in progress. */
  shrink(): void {
    if (this.#stop.signal.aborted) return
    this.#running ??= this.#giveBack().then(() => this.#run())
  }

  /** If somebody has removed the newest segment, continues in a new one: the reader then skips what was in it. */
  async look(): Promise<void> {
    const newest = this.#list.all.at(-1)
    if (!newest || this.#running || (await this.#context.platform.disk.stat(newest.path))) return
    if (this.#running || this.#stop.signal.aborted || newest !== this.#list.all.at(-1)) return
    this.#reportGone(newest)
    this.#encoder.use(undefined)
    this.#running = this.#renew().then(() => this.#run())
  }

  /** Waits until the deadline for pending writes, rejects the rest with `STOPPING`, and closes the file. */
  async close(deadlineMs: number): Promise<void> {
    if (this.#running) await Promise.race([this.#running, sleep(this.#context.platform.clock, deadlineMs)])
    this.#stop.abort()
    this.#hurry?.()
    await this.#running
    this.#reject(this.#waiting.splice(0))
    await this.#file.close()
  }

  #push(item: Pick<Waiting, 'batch' | 'changes'>, bytes: number): Promise<void> {
    if (this.#stop.signal.aborted) return Promise.reject(this.#stopping())
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...item, bytes, resolve, reject })
      this.#waitingBytes += bytes
      if (this.#isUrgent) this.#hurry?.()
      this.#running ??= this.#run()
    })
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (this.#waiting.length > 0 && !signal.aborted) {
      await this.#pace()
      const hasFree = await this.#room.hasFree(Math.min(this.#waitingBytes, this.#encoder.groupBytes))
      const group = hasFree && this.#encoder.encode(this.#waiting, this.#room.left)
      if (!group) {
        if (hasFree) this.#room.reportFull()
        if (!(await this.#room.drop()) && !(await this.#giveBack())) await this.#room.more(signal)
        continue
      }
      this.#waiting.splice(0, group.taken.length)
      for (const { bytes } of group.taken) this.#waitingBytes -= bytes
      this.#room.take(group.length)
      const isWritten = await this.#commit(group)
      this.#room.taken(group.length, isWritten)
      if (!isWritten && !signal.aborted) {
        this.#encoder.takeBack()
        this.#waiting.unshift(...group.taken)
        for (const { bytes } of group.taken) this.#waitingBytes += bytes
        continue
      }
      if (isWritten) for (const { resolve } of group.taken) resolve()
      else this.#reject(group.taken)
    }
    this.#running = undefined
  }

  get #isUrgent(): boolean {
    return this.#waitingBytes >= SPOOL_GROUP_BYTES || this.#waiting.some(({ batch }) => batch?.awaited)
  }

  // Delays the next group until `SPOOL_SYNC_EVERY_MS` after the previous one began. There is no delay when a full group is waiting
  // (the queue in front stops at its bound) or when somebody waits for a batch.
  async #pace(): Promise<void> {
    const { clock } = this.#context.platform
    const waitMs = this.#beganMs + SPOOL_SYNC_EVERY_MS - clock.monotonicMs()
    if (!this.#isUrgent) {
      await new Promise<void>((resolve) => {
        const cancel = waitMs > 0 ? clock.after(waitMs, resolve) : clock.soon(resolve)
        this.#hurry = () => {
          cancel()
          resolve()
        }
      })
      this.#hurry = undefined
    }
    this.#beganMs = clock.monotonicMs()
  }

  /**
   * Retries writing and syncing a group until it succeeds. False if the program stops first, or if the group has to be encoded again for
   * another segment, because the disk was full or somebody removed its own.
   */
  async #commit(group: Group): Promise<boolean> {
    const { clock, log } = this.#context.platform
    const { signal } = this.#stop
    while (group.length > 0) {
      try {
        await this.#file.write(group.segment, group.bytes, group.length)
        if (!this.#file.isGone) break
        this.#reportGone(group.segment)
        await this.#file.close()
        this.#encoder.use(undefined)
        return false
      } catch (error) {
        this.#failed(error)
        const isFull = errnoOf(error) === 'ENOSPC'
        const place = isFull ? await this.#madeRoomFor(group) : undefined
        if (!place) await sleep(clock, this.#backoff.nextMs(), signal)
        if (signal.aborted) return this.#giveUp(group)
        if (place && place !== group.segment) return false
      }
    }
    if (this.#failing) log.info({ destination: this.#context.name }, 'the spool can be written again')
    this.#failing = false
    this.#backoff.reset()
    this.#encoder.committed(group)
    // Begin a new segment, since its head has the current marks.
    if (this.#marksAreOld) this.#encoder.use(undefined)
    this.#marksAreOld = false
    if (group.length > 0) this.#list.grow(group.segment, group.length, group.end)
    if (this.#removal.isDue) await this.#removal.removeAcknowledged()
    return true
  }

  /** On a full disk: tries to free space. If it did, returns the segment that the group belongs to now. */
  async #madeRoomFor({ segment }: Group): Promise<Segment | undefined> {
    if (await this.#room.drop()) return segment
    // The head of a new segment is in the group already, with all marks.
    if (this.#list.all.at(-1) !== segment) return (await this.#cutNewest()) ? segment : undefined
    const renewed = await this.#giveBack()
    if (renewed || !(await this.#cutNewest())) return renewed
    return (await this.#renew()) ?? this.#list.all.at(-1)
  }

  /**
   * Once everything is acknowledged, the newest segment is kept only for its marks. Writes them into a new segment without
   * messages, and removes the old one. Undefined if there is nothing to free, or no room for the new segment.
   */
  async #giveBack(): Promise<Segment | undefined> {
    return this.#newestIsIdle ? this.#renew() : undefined
  }

  /** Writes a new segment without messages, whose head has all marks, and removes those that are acknowledged. Undefined if that fails. */
  async #renew(): Promise<Segment | undefined> {
    const { segment, bytes } = this.#encoder.emptySegment()
    try {
      await this.#file.write(segment, bytes, bytes.length)
    } catch (error) {
      this.#failed(error)
      await this.#file.remove(segment.path)
      return undefined
    }
    this.#marksAreOld = false
    this.#encoder.use(segment)
    this.#list.grow(segment, bytes.length, segment.first)
    await this.#removal.removeAcknowledged()
    this.#room.changed()
    return segment
  }

  /**
   * If the disk has no room for a new segment: cuts the newest one to its head, and returns whether it did. A crash before the next
   * segment is written, which is at once if there is room now, resets the marks to those of that head, and messages that are then sent
   * again are stored twice. So this is not done for a few bytes.
   */
  async #cutNewest(): Promise<boolean> {
    const newest = this.#list.all.at(-1)
    if (!this.#newestIsIdle || !newest || newest.bytes - newest.headBytes < SPOOL_CUT_BYTES_MIN) return false
    try {
      await this.#file.cut(newest.path, newest.headBytes)
    } catch (error) {
      this.#failed(error)
      return false
    }
    this.#encoder.use(this.#list.cutNewest())
    this.#marksAreOld = true
    this.#room.changed()
    return true
  }

  /** Whether the newest segment has records, and the receiver has all messages. */
  get #newestIsIdle(): boolean {
    const newest = this.#list.all.at(-1)
    return newest !== undefined && newest.bytes > newest.headBytes && this.#list.isDrained
  }

  #reportGone({ path }: Segment): void {
    const values = { destination: this.#context.name, path }
    this.#warning.warn(values, 'somebody removed the newest segment of the spool: it continues in a new one')
  }

  #failed(error: unknown): void {
    const { metrics } = this.#context.platform
    this.#failing = true
    metrics.count('sluice_write_errors_total', { destination: this.#context.name }, 1)
    const { name: destination, folder } = this.#context
    this.#warning.warn({ destination, folder, reason: reasonOf(error) }, 'cannot write to the spool: its sources wait')
  }

  async #giveUp({ segment }: Group): Promise<false> {
    // If this fails too, recovery at the next start cuts it.
    await this.#file.cut(segment.path, segment.bytes).catch((error: unknown) => this.#failed(error))
    return false
  }

  #reject(waiting: readonly Waiting[]): void {
    for (const { reject } of waiting) reject(this.#stopping())
  }

  #stopping(): Fault {
    return new Fault('STOPPING', `the spool of ${this.#context.name} takes nothing more`)
  }
}
