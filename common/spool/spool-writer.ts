// Writes batches into a spool: gathered into groups, each written at once and synced once.
//
//   writes ──▶ waiting ──▶ group: encoded, written, synced ──▶ settled, and given to the reader
//                 │
//                 └── no room: wait for the reader (`block`), or drop the oldest segment (`drop-oldest`)
//
// One group is under way at a time. What fails is written again, the same bytes at the same place: after a failed sync the
// system may take pages for written that are not, and only writing them again makes them so.

import { sleep } from '../clock.ts'
import { errnoOf, Fault, reasonOf } from '../fault.ts'
import { SPOOL_GROUP_BYTES, SPOOL_RETRY_FIRST_MS, SPOOL_RETRY_MAX_MS, SPOOL_SYNC_EVERY_MS } from '../limits.ts'
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
  /** The newest segment was cut: the disk has the marks of its head. */
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

  /** Resolves when the batch is on the disk. */
  write(batch: Batch): Promise<void> {
    return this.#push({ batch }, batchBytes(batch))
  }

  /** Resolves when these changes of marks are on the disk. */
  tell(changes: readonly MarkChange[]): Promise<void> {
    return changes.length === 0 ? Promise.resolve() : this.#push({ changes }, 0)
  }

  /** Up to where a stream is on the disk. */
  positionOf(id: string): number | undefined {
    return this.#encoder.durable.positionOf(id)
  }

  /** Gives back the disk of a spool that has nothing to give, unless it is being written to. */
  shrink(): void {
    if (this.#stop.signal.aborted) return
    this.#running ??= this.#giveBack().then(() => this.#run())
  }

  /** Gives what waits until the deadline, rejects the rest with `STOPPING`, and closes the file. */
  async close(deadlineMs: number): Promise<void> {
    if (this.#running) await Promise.race([this.#running, sleep(this.#context.platform.clock, deadlineMs)])
    this.#stop.abort()
    this.#hurry?.()
    await this.#running
    this.#reject(this.#waiting.splice(0))
    await this.#file.close()
  }

  #push(what: Pick<Waiting, 'batch' | 'changes'>, bytes: number): Promise<void> {
    if (this.#stop.signal.aborted) return Promise.reject(this.#stopping())
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...what, bytes, resolve, reject })
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
      if (isWritten) for (const { resolve } of group.taken) resolve()
      else this.#reject(group.taken)
    }
    this.#running = undefined
  }

  get #isUrgent(): boolean {
    return this.#waitingBytes >= SPOOL_GROUP_BYTES || this.#waiting.some(({ batch }) => batch?.awaited)
  }

  // At once where the last group is a while ago; sooner where much waits, since a queue stops at its bound, or somebody.
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

  /** Writes and syncs until that succeeds; false where it is given up because the program stops. */
  async #commit(group: Group): Promise<boolean> {
    const { clock, log } = this.#context.platform
    const { signal } = this.#stop
    while (group.length > 0) {
      try {
        await this.#file.write(group.segment, group.bytes, group.length)
        break
      } catch (error) {
        this.#failed(error)
        const isFull = errnoOf(error) === 'ENOSPC'
        if (!(isFull && (await this.#madeRoomFor(group)))) await sleep(clock, this.#backoff.nextMs(), signal)
        if (signal.aborted) return this.#giveUp(group)
      }
    }
    if (this.#failing) log.info({ destination: this.#context.name }, 'the spool can be written again')
    this.#failing = false
    this.#backoff.reset()
    this.#encoder.committed(group)
    // The next segment's head has all marks again.
    if (this.#marksAreOld) this.#encoder.use(undefined)
    this.#marksAreOld = false
    if (group.length > 0) this.#list.grow(group.segment, group.length, group.end)
    if (this.#removal.isDue) await this.#removal.removeAcknowledged()
    return true
  }

  /** On a full disk: whether there is more room now. The group may go into another segment then. */
  async #madeRoomFor(group: Group): Promise<boolean> {
    if (await this.#room.drop()) return true
    const isNew = this.#list.all.at(-1) !== group.segment
    const segment = isNew ? await this.#cutNewest() : ((await this.#giveBack()) ?? (await this.#cutNewest()))
    if (segment && !isNew) group.segment = segment
    return segment !== undefined
  }

  /**
   * Everything is acknowledged, and what is left is the newest segment, for its marks. They go into a new one that has nothing
   * else. Undefined where there is nothing to give back, or no room for that.
   */
  async #giveBack(): Promise<Segment | undefined> {
    if (!this.#newestIsIdle) return undefined
    const { segment, bytes } = this.#encoder.emptySegment()
    try {
      await this.#file.write(segment, bytes, bytes.length)
    } catch (error) {
      this.#failed(error)
      await this.#file.remove(segment.path)
      return undefined
    }
    this.#encoder.use(segment)
    this.#list.grow(segment, bytes.length, segment.first)
    await this.#removal.removeAcknowledged()
    this.#room.changed()
    return segment
  }

  /**
   * The same on a disk that has no room for a new one: the segment is cut to its head. A crash before the next segment takes the
   * marks back to that head, and repeats would be stored again.
   */
  async #cutNewest(): Promise<Segment | undefined> {
    if (!this.#newestIsIdle) return undefined
    const { path, headBytes } = this.#list.all.at(-1)!
    try {
      await this.#file.cut(path, headBytes)
    } catch (error) {
      this.#failed(error)
      return undefined
    }
    const segment = this.#list.cutNewest()
    this.#encoder.use(segment)
    this.#marksAreOld = true
    this.#room.changed()
    return segment
  }

  /** It has more than its head, and the receiver has all of it. */
  get #newestIsIdle(): boolean {
    const newest = this.#list.all.at(-1)
    return newest !== undefined && newest.bytes > newest.headBytes && this.#list.isDrained
  }

  #failed(error: unknown): void {
    const { metrics } = this.#context.platform
    this.#failing = true
    metrics.count('sluice_write_errors_total', { destination: this.#context.name }, 1)
    const values = { destination: this.#context.name, reason: reasonOf(error) }
    this.#warning.warn(values, 'cannot write to the spool: its sources wait')
  }

  async #giveUp({ segment }: Group): Promise<false> {
    // Where not even that works, the next start cuts it.
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
