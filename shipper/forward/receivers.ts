// The receivers of one destination, each with a lane of its own, and the shares that send to them (`balancing.ts`).
//
//   write ──▶ share ──▶ lane of the receiver where the share is
//               │
//               ├── that receiver is lost, or stands still: what it has not acknowledged goes to the next one, in order
//               └── the home receiver is well again: new writes wait until nothing is open, then all go there
//
// A share never has open writes at two receivers. So each receiver gets the positions of a stream in rising order, even when the share
// returns, and its mark tells it which messages are repeats. The highest mark of all receivers says how far the stream is stored.

import { Fault } from '../../common/fault.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import { GivenPositions } from '../../common/pipeline/given-positions.ts'
import { writeParts } from '../../common/pipeline/parts-of-batch.ts'
import type { Lanes, StreamMarks } from '../../common/pipeline/sink.ts'
import type { Platform } from '../../common/platform.ts'
import { newId } from '../../common/random.ts'
import { Balancer, ReceiverHealth, receiverFor, type Balance } from './balancing.ts'
import type { Given, Lane, LaneOwner } from './lane.ts'

interface Share {
  /** Index of its home receiver. */
  readonly home: number
  /** The stream for those of its messages whose source has none, and the position of the next of them. */
  readonly ownId: string
  ownNext: number
  /** Index of the receiver where it is now. */
  at: number
  /** Batches that were given to that receiver and have not settled. */
  readonly open: Set<Given>
  /** Batches that wait until nothing is open, so that the share can move. */
  held: Given[]
}

export class Receivers {
  /** The shares as lanes for a spool; undefined if there is only one. */
  readonly lanes: Lanes | undefined
  /** The combined marks of the receivers; undefined if their protocol has none. */
  readonly streams: StreamMarks | undefined
  readonly #name: string
  readonly #platform: Platform
  readonly #lanes: readonly Lane[]
  readonly #healths: readonly ReceiverHealth[]
  readonly #balancer: Balancer
  readonly #positions: GivenPositions
  readonly #shares: readonly Share[]
  readonly #shareOf = new Map<Given, Share>()
  /** By receiver: called when it is lost while another one is usable, by those who wait for its answer about streams. */
  readonly #waiting: readonly Set<() => void>[]
  #isClosed = false
  #whenIdle: (() => void) | undefined

  /** `lanes` has a function that creates each lane, which reports to the given owner. */
  constructor(name: string, balance: Balance, lanes: readonly ((owner: LaneOwner) => Lane)[], platform: Platform) {
    this.#name = name
    this.#platform = platform
    this.#positions = new GivenPositions(name, platform.metrics)
    this.#healths = lanes.map(() => new ReceiverHealth(platform.random))
    this.#lanes = lanes.map((make, i) =>
      make({
        hasOthers: lanes.length > 1,
        changed: (isUp) => this.#changed(i, isUp),
        mayLeave: () => this.#mayLeave(i),
      }),
    )
    this.#waiting = lanes.map(() => new Set())
    this.#balancer = new Balancer(
      balance,
      this.#lanes.map(({ to }) => to),
    )
    this.#shares = Array.from({ length: this.#balancer.shares }, (_, home) => {
      return { home, ownId: newId(platform.random), ownNext: 0, at: home, open: new Set(), held: [] }
    })
    if (this.#shares.length > 1) {
      this.lanes = {
        count: this.#shares.length,
        assign: (runs) => this.#balancer.assign(runs),
        writeTo: (share, batch) =>
          this.#isClosed ? Promise.reject(this.#stopping()) : this.#give(batch, this.#shares[share]),
      }
    }
    if (this.#lanes.every(({ streams }) => streams)) {
      this.streams = {
        marks: (ids) => this.#marks(ids),
        retire: (ids) => this.#retire(ids),
      }
    }
  }

  /** Number of messages that a receiver refused or that could not be sent to it. They settle all the same. */
  get dropped(): number {
    return this.#lanes.reduce((sum, { dropped = 0 }) => sum + dropped, 0)
  }

  async open(): Promise<void> {
    for (const lane of this.#lanes) await lane.open()
  }

  async write(batch: Batch): Promise<void> {
    if (this.#isClosed) throw this.#stopping()
    await this.#positions.writeNew(batch, (fresh) => this.#spread(fresh))
  }

  async #spread(batch: Batch): Promise<void> {
    const assigned = this.#balancer.assign(batch.runs)
    await writeParts(batch, assigned, (share, part) => this.#give(part, this.#shares[share]))
  }

  /** Waits up to `deadlineMs` for the open writes, rejects the rest, and ends the connections. */
  async close(deadlineMs: number): Promise<void> {
    const { clock } = this.#platform
    const untilMs = clock.monotonicMs() + deadlineMs
    if (this.#shareOf.size > 0 && deadlineMs > 0) {
      await new Promise<void>((resolve) => {
        const cancel = clock.after(deadlineMs, resolve)
        this.#whenIdle = () => {
          cancel()
          resolve()
        }
      })
    }
    this.#isClosed = true
    for (const { held } of this.#shares) for (const { reject } of held.splice(0)) reject(this.#stopping())
    const leftMs = Math.max(0, untilMs - clock.monotonicMs())
    await Promise.all(this.#lanes.map((lane) => lane.close(leftMs)))
  }

  #stopping(): Fault {
    return new Fault('STOPPING', `destination ${this.#name} is closed`)
  }

  #give(batch: Batch, share: Share): Promise<void> {
    const platform = this.#platform
    return new Promise((resolve, reject) => {
      const given: Given = {
        batch,
        own: { id: share.ownId, from: share.ownNext },
        resolve: () => {
          this.#healths[share.at].acknowledged(platform.clock.monotonicMs())
          this.#settled(given, share)
          resolve()
        },
        reject: (fault) => {
          this.#settled(given, share)
          reject(fault)
        },
      }
      share.ownNext += batch.count
      this.#shareOf.set(given, share)
      share.held.push(given)
      this.#advance(share)
    })
  }

  #settled(given: Given, share: Share): void {
    share.open.delete(given)
    this.#shareOf.delete(given)
    if (this.#isClosed) return
    if (share.open.size === 0 && share.held.length > 0) this.#advance(share)
    if (this.#shareOf.size === 0) this.#whenIdle?.()
  }

  /** Gives the held batches to the share's receiver, unless the share is to move and has open writes where it is. */
  #advance(share: Share): void {
    const next = receiverFor(share.home, share.at, this.#healths, this.#platform.clock.monotonicMs())
    if (next !== share.at) {
      if (share.open.size > 0) return
      this.#move(share, next, 0)
    }
    for (const given of share.held.splice(0)) {
      share.open.add(given)
      this.#lanes[share.at].give(given)
    }
  }

  #move(share: Share, next: number, batches: number): void {
    const from = this.#lanes[share.at].to
    const { to } = this.#lanes[next]
    share.at = next
    this.#platform.log.info({ destination: this.#name, from, to, batches }, 'sending continues to another receiver')
  }

  // A lost receiver gives back its batches, at once or as soon as another one is usable.
  #changed(receiver: number, isUp: boolean): void {
    const owes = this.#shares.some(({ at, open }) => at === receiver && open.size > 0)
    this.#healths[receiver].changed(isUp, this.#platform.clock.monotonicMs(), owes)
    if (this.#isClosed || this.#lanes.length === 1) return
    if (!this.#healths.some(({ isUsable }) => isUsable)) return
    this.#lanes.forEach((lane, i) => {
      if (this.#healths[i].isUsable) return
      for (const lost of this.#waiting[i]) lost()
      this.#handOver(lane, i)
    })
  }

  // If all stand still, each is waited for: going round would put the same messages on their way at every one of them.
  #mayLeave(receiver: number): boolean {
    if (this.#isClosed) return false
    return this.#lanes.some((lane, i) => i !== receiver && this.#healths[i].isUsable && !lane.standsStill)
  }

  #handOver(lane: Lane, lost: number): void {
    const back = lane.takeBack()
    const nowMs = this.#platform.clock.monotonicMs()
    for (const share of this.#shares) {
      if (share.at === lost) this.#move(share, receiverFor(share.home, lost, this.#healths, nowMs), share.open.size)
    }
    for (const given of back) this.#lanes[this.#shareOf.get(given)!.at].give(given)
    for (const share of this.#shares) if (share.held.length > 0) this.#advance(share)
  }

  // ── marks of streams ──

  /** The highest marks of the receivers that can be asked: whatever a receiver has comes after what another one has settled. */
  async #marks(ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const highest = new Map<string, number>()
    for (const marks of await this.#askAll((streams) => streams.marks(ids))) {
      for (const [id, at] of marks) highest.set(id, Math.max(at, highest.get(id) ?? 0))
    }
    this.#positions.forget(highest.keys())
    return highest
  }

  /** Retires streams at the receivers that can be asked; the others forget silent streams by themselves in time. */
  async #retire(ids: readonly string[]): Promise<void> {
    await this.#askAll((streams) => streams.retire(ids))
  }

  /** The answers of the usable receivers, or of all if none is usable. Rejects if there is no answer at all. */
  async #askAll<T>(ask: (streams: StreamMarks) => Promise<T>): Promise<readonly T[]> {
    const usable = this.#healths.flatMap(({ isUsable }, i) => (isUsable ? [i] : []))
    const asked = usable.length > 0 ? usable : this.#lanes.map((_, i) => i)
    const results = await Promise.allSettled(asked.map((i) => this.#unlessLost(i, ask(this.#lanes[i].streams!))))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed && results.every(({ status }) => status === 'rejected')) throw failed.reason
    return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  }

  /**
   * The answer, unless the receiver is lost first. At a start none is known to be down, and one that is down would hold up the
   * answers of the others.
   */
  #unlessLost<T>(receiver: number, answer: Promise<T>): Promise<T> {
    const waiting = this.#waiting[receiver]
    return new Promise<T>((resolve, reject) => {
      const lost = () =>
        reject(new Fault('CONNECTION_LOST', `${this.#lanes[receiver].to} is lost`, { retryable: true }))
      waiting.add(lost)
      void answer.then(resolve, reject).finally(() => waiting.delete(lost))
    })
  }
}
