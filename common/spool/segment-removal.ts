// Removes segments: those that are acknowledged, and with `drop-oldest` the oldest ones when there is no room. The newest
// segment always stays, since it has the marks. Before a segment is removed, it is saved that it is done with: a segment that is
// missing at a start without that was removed by somebody else, and its messages are lost.

import { errnoOf, reasonOf } from '../fault.ts'
import { RateLimitedWarning } from '../log.ts'
import type { SpoolContext } from './spool-context.ts'
import { messagesWithin, type Segment, type SegmentList } from './segments.ts'

export class SegmentRemoval {
  readonly #context: SpoolContext
  readonly #list: SegmentList
  readonly #leave: (segment: Segment) => Promise<void>
  readonly #save: () => Promise<void>
  readonly #warning: RateLimitedWarning
  #last: Promise<unknown> = Promise.resolve()
  /** Position ranges that were dropped while their messages were in flight: these may arrive nevertheless. */
  #inDoubt: Pick<Segment, 'first' | 'end'>[] = []

  /** `leave` makes the reader close a segment, `save` saves the position `done` of the list if it can. */
  constructor(
    context: SpoolContext,
    list: SegmentList,
    leave: (segment: Segment) => Promise<void>,
    save: () => Promise<void>,
  ) {
    this.#context = context
    this.#list = list
    this.#leave = leave
    this.#save = save
    const { log, clock } = context.platform
    this.#warning = new RateLimitedWarning(log, clock)
  }

  /** Whether `removeAcknowledged` would remove anything. */
  get isDue(): boolean {
    const { all, acknowledged } = this.#list
    return all.length > 1 && messagesWithin(all[0], acknowledged, Infinity) === 0
  }

  removeAcknowledged(): Promise<void> {
    return this.#inTurn(async () => {
      while (this.isDue) {
        await this.#save()
        await this.#removeOldest()
      }
    })
  }

  /** Drops the oldest segment and counts its unacknowledged messages. False if only the newest is left. */
  dropOldest(): Promise<boolean> {
    return this.#inTurn(async () => {
      const { all, acknowledged, handedOut } = this.#list
      if (all.length < 2) return false
      const [segment] = all
      this.#count(messagesWithin(segment, Math.max(acknowledged, handedOut), Infinity))
      if (messagesWithin(segment, acknowledged, handedOut) > 0) {
        this.#inDoubt.push({ first: segment.first, end: Math.min(segment.end, handedOut) })
      }
      this.#list.dropped = segment.end
      await this.#save()
      await this.#removeOldest()
      return true
    })
  }

  /** The receiver has everything up to this position, so dropped messages before it have arrived. */
  acknowledged(position: number): void {
    if (this.#inDoubt.length > 0) this.#inDoubt = this.#inDoubt.filter(({ end }) => end > position)
  }

  /** Call when no message is in flight: messages that were dropped and not acknowledged are lost, and are counted now. */
  countDoubtful(): void {
    for (const range of this.#inDoubt.splice(0)) this.#count(messagesWithin(range, this.#list.acknowledged, Infinity))
  }

  /**
   * Call at a stop: counts what is waiting in the oldest segments if somebody removed them while they were open.
   */
  async countRemoved(): Promise<void> {
    const { platform, name, folder } = this.#context
    const { all, acknowledged } = this.#list
    const isThere = async (path: string) => (await platform.disk.stat(path).catch(() => true)) !== undefined
    let gone = 0
    while (gone < all.length && !(await isThere(all[gone].path))) gone += 1
    const messages = all.slice(0, gone).reduce((sum, each) => sum + messagesWithin(each, acknowledged, Infinity), 0)
    if (messages === 0) return
    platform.metrics.count('sluice_dropped_total', { reason: 'spool_damaged', where: name }, messages)
    platform.log.warn({ destination: name, folder, messages }, 'somebody removed the oldest segments of the spool')
    // The next start would count them again.
    this.#list.acknowledge(all[gone - 1].end)
  }

  #count(messages: number): void {
    if (messages === 0) return
    const { platform, name, bytesMax } = this.#context
    platform.metrics.count('sluice_dropped_total', { reason: 'spool_full', where: name }, messages)
    const values = { destination: name, messages, bytes: this.#list.bytes, bytesMax }
    this.#warning.warn(values, 'the spool is full: its oldest messages are dropped')
  }

  async #removeOldest(): Promise<void> {
    const [segment] = this.#list.all
    const { path } = segment
    try {
      await this.#leave(segment)
      await this.#context.platform.disk.remove(path)
    } catch (error) {
      // A file that stays is found and removed at the next start.
      if (errnoOf(error) !== 'ENOENT') {
        this.#warning.warn({ destination: this.#context.name, path }, `cannot remove a segment: ${reasonOf(error)}`)
      }
    }
    this.#list.shift()
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#last.then(act)
    this.#last = done
    return done
  }
}
