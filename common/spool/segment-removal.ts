// Takes segments away: those that the receiver has, and under `drop-oldest` those that there is no room for. The newest
// segment always stays, since its head has the marks.

import { errnoOf, reasonOf } from '../fault.ts'
import { RateLimitedWarning } from '../log.ts'
import type { SpoolContext } from './spool-context.ts'
import { messagesWithin, type Segment, type SegmentList } from './segments.ts'

export class SegmentRemoval {
  readonly #context: SpoolContext
  readonly #list: SegmentList
  readonly #leave: (segment: Segment) => Promise<void>
  readonly #warning: RateLimitedWarning
  #last: Promise<unknown> = Promise.resolve()
  /** Dropped while some of their messages were on their way: those may arrive all the same. */
  #inDoubt: Pick<Segment, 'first' | 'end'>[] = []

  /** `leave` makes the reader let go of a segment. */
  constructor(context: SpoolContext, list: SegmentList, leave: (segment: Segment) => Promise<void>) {
    this.#context = context
    this.#list = list
    this.#leave = leave
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
      while (this.isDue) await this.#removeOldest()
    })
  }

  /** Drops the oldest segment, and counts what of it was not acknowledged. False where there is none but the newest. */
  dropOldest(): Promise<boolean> {
    return this.#inTurn(async () => {
      const { all, acknowledged, handedOut } = this.#list
      if (all.length < 2) return false
      const [segment] = all
      this.#count(messagesWithin(segment, Math.max(acknowledged, handedOut), Infinity))
      if (messagesWithin(segment, acknowledged, handedOut) > 0) {
        this.#inDoubt.push({ first: segment.first, end: Math.min(segment.end, handedOut) })
      }
      await this.#removeOldest()
      return true
    })
  }

  /** The receiver has everything up to here. */
  acknowledged(position: number): void {
    if (this.#inDoubt.length > 0) this.#inDoubt = this.#inDoubt.filter(({ end }) => end > position)
  }

  /** No message is on its way: what was dropped behind the last acknowledged position cannot be read again. */
  countDoubtful(): void {
    for (const range of this.#inDoubt.splice(0)) this.#count(messagesWithin(range, this.#list.acknowledged, Infinity))
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
      // What stays there is found, and removed, at the next start.
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
