// Several receivers behind one destination, each with a lane of its own, and the hands that are dealt to them (`dealing.ts`).
//
//   write ──▶ hand ──▶ lane of the receiver where the hand is
//               │
//               ├── that receiver is lost, or stands still: what it has not acknowledged goes to the next, in order
//               └── home is well again: new writes wait until nothing is open, then all go home
//
// A hand is never open at two receivers. So each receiver gets the positions of a stream in rising order, whatever comes
// back from elsewhere, and drops by its mark what it has already; and the highest mark of all is how far the stream is stored.

import { Fault } from '../../common/fault.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import { writeParts } from '../../common/pipeline/parts-of-batch.ts'
import type { Lanes, StreamMarks } from '../../common/pipeline/sink.ts'
import type { Platform } from '../../common/platform.ts'
import { newId } from '../../common/random.ts'
import { Dealer, ReceiverHealth, receiverFor, type Balance } from './dealing.ts'
import type { Given, Lane, Overseer } from './lane.ts'

interface Hand {
  readonly home: number
  /** The stream of its messages that have none. */
  readonly ownId: string
  ownNext: number
  at: number
  readonly open: Set<Given>
  /** Waits until nothing is open. */
  held: Given[]
}

export class Receivers {
  /** Its hands, where there are several. */
  readonly lanes: Lanes | undefined
  /** What the receivers say of streams, together; undefined where they have no words for it. */
  readonly streams: StreamMarks | undefined
  readonly #name: string
  readonly #platform: Platform
  readonly #lanes: readonly Lane[]
  readonly #healths: readonly ReceiverHealth[]
  readonly #dealer: Dealer
  readonly #hands: readonly Hand[]
  readonly #handOf = new Map<Given, Hand>()
  /** By receiver: who waits for its answers, told when it is lost while others are there. */
  readonly #waiting: readonly Set<() => void>[]
  #isClosed = false
  #whenIdle: (() => void) | undefined

  /** `lanes` makes each lane, and gives it whom to tell its health. */
  constructor(name: string, balance: Balance, lanes: readonly ((overseer: Overseer) => Lane)[], platform: Platform) {
    this.#name = name
    this.#platform = platform
    this.#healths = lanes.map(() => new ReceiverHealth(platform.random))
    this.#lanes = lanes.map((make, i) =>
      make({ changed: (isUp) => this.#changed(i, isUp), mayLeave: () => this.#mayLeave(i) }),
    )
    this.#waiting = lanes.map(() => new Set())
    this.#dealer = new Dealer(
      balance,
      this.#lanes.map(({ to }) => to),
    )
    this.#hands = Array.from({ length: this.#dealer.hands }, (_, home) => {
      return { home, ownId: newId(platform.random), ownNext: 0, at: home, open: new Set(), held: [] }
    })
    if (this.#hands.length > 1) {
      this.lanes = {
        count: this.#hands.length,
        deal: (runs) => this.#dealer.deal(runs),
        writeTo: (hand, batch) =>
          this.#isClosed ? Promise.reject(this.#stopping()) : this.#give(batch, this.#hands[hand]),
      }
    }
    if (this.#lanes.every(({ streams }) => streams)) {
      this.streams = {
        marks: (ids) => this.#marks(ids),
        retire: (ids) => this.#retire(ids),
      }
    }
  }

  /** Messages that receivers refused, or that could not be sent to them, and that settle all the same. */
  get dropped(): number {
    return this.#lanes.reduce((sum, { dropped = 0 }) => sum + dropped, 0)
  }

  async open(): Promise<void> {
    for (const lane of this.#lanes) await lane.open()
  }

  async write(batch: Batch): Promise<void> {
    if (this.#isClosed) throw this.#stopping()
    const dealt = this.#dealer.deal(batch.runs)
    await writeParts(batch, dealt, (hand, part) => this.#give(part, this.#hands[hand]))
  }

  /** Waits up to `deadlineMs` for what is open, rejects the rest, and ends the connections. */
  async close(deadlineMs: number): Promise<void> {
    const { clock } = this.#platform
    const untilMs = clock.monotonicMs() + deadlineMs
    if (this.#handOf.size > 0 && deadlineMs > 0) {
      await new Promise<void>((resolve) => {
        const cancel = clock.after(deadlineMs, resolve)
        this.#whenIdle = () => {
          cancel()
          resolve()
        }
      })
    }
    this.#isClosed = true
    for (const { held } of this.#hands) for (const { reject } of held.splice(0)) reject(this.#stopping())
    const leftMs = Math.max(0, untilMs - clock.monotonicMs())
    await Promise.all(this.#lanes.map((lane) => lane.close(leftMs)))
  }

  #stopping(): Fault {
    return new Fault('STOPPING', `destination ${this.#name} is closed`)
  }

  #give(batch: Batch, hand: Hand): Promise<void> {
    const platform = this.#platform
    return new Promise((resolve, reject) => {
      const given: Given = {
        batch,
        own: { id: hand.ownId, from: hand.ownNext },
        resolve: () => {
          this.#healths[hand.at].acknowledged(platform.clock.monotonicMs())
          this.#settled(given, hand)
          resolve()
        },
        reject: (fault) => {
          this.#settled(given, hand)
          reject(fault)
        },
      }
      hand.ownNext += batch.count
      this.#handOf.set(given, hand)
      hand.held.push(given)
      this.#advance(hand)
    })
  }

  #settled(given: Given, hand: Hand): void {
    hand.open.delete(given)
    this.#handOf.delete(given)
    if (this.#isClosed) return
    if (hand.open.size === 0 && hand.held.length > 0) this.#advance(hand)
    if (this.#handOf.size === 0) this.#whenIdle?.()
  }

  /** Gives what the hand holds to its receiver, unless it is about to leave that one and something is open there. */
  #advance(hand: Hand): void {
    const next = receiverFor(hand.home, hand.at, this.#healths, this.#platform.clock.monotonicMs())
    if (next !== hand.at) {
      if (hand.open.size > 0) return
      this.#move(hand, next, 0)
    }
    for (const given of hand.held.splice(0)) {
      hand.open.add(given)
      this.#lanes[hand.at].give(given)
    }
  }

  #move(hand: Hand, next: number, batches: number): void {
    const from = this.#lanes[hand.at].to
    const { to } = this.#lanes[next]
    hand.at = next
    this.#platform.log.info({ destination: this.#name, from, to, batches }, 'sending continues to another receiver')
  }

  // A receiver that is lost gives back what it has; one that appears may take what a lost one still has.
  #changed(receiver: number, isUp: boolean): void {
    const owes = this.#hands.some(({ at, open }) => at === receiver && open.size > 0)
    this.#healths[receiver].changed(isUp, this.#platform.clock.monotonicMs(), owes)
    if (this.#isClosed || this.#lanes.length === 1) return
    if (!this.#healths.some(({ isUsable }) => isUsable)) return
    this.#lanes.forEach((lane, i) => {
      if (this.#healths[i].isUsable) return
      for (const lost of this.#waiting[i]) lost()
      this.#handOver(lane, i)
    })
  }

  // Where all stand still, each is waited for: going round would double what is on its way at each of them.
  #mayLeave(receiver: number): boolean {
    if (this.#isClosed) return false
    return this.#lanes.some((lane, i) => i !== receiver && this.#healths[i].isUsable && !lane.standsStill)
  }

  #handOver(lane: Lane, lost: number): void {
    const back = lane.takeBack()
    const nowMs = this.#platform.clock.monotonicMs()
    for (const hand of this.#hands) {
      if (hand.at === lost) this.#move(hand, receiverFor(hand.home, lost, this.#healths, nowMs), hand.open.size)
    }
    for (const given of back) this.#lanes[this.#handOf.get(given)!.at].give(given)
    for (const hand of this.#hands) if (hand.held.length > 0) this.#advance(hand)
  }

  // ── what the receivers say of streams ──

  /** The highest of those that can be asked: each got what it has behind what another had settled. */
  async #marks(ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const highest = new Map<string, number>()
    for (const marks of await this.#askAll((streams) => streams.marks(ids))) {
      for (const [id, at] of marks) highest.set(id, Math.max(at, highest.get(id) ?? 0))
    }
    return highest
  }

  /** One that cannot be asked now forgets them after a silence. */
  async #retire(ids: readonly string[]): Promise<void> {
    await this.#askAll((streams) => streams.retire(ids))
  }

  /** The answers of those that can be asked; rejects where there is none. */
  async #askAll<T>(ask: (streams: StreamMarks) => Promise<T>): Promise<readonly T[]> {
    const usable = this.#healths.flatMap(({ isUsable }, i) => (isUsable ? [i] : []))
    const asked = usable.length > 0 ? usable : this.#lanes.map((_, i) => i)
    const told = await Promise.allSettled(asked.map((i) => this.#unlessLost(i, ask(this.#lanes[i].streams!))))
    const failed = told.find((result) => result.status === 'rejected')
    if (failed && told.every(({ status }) => status === 'rejected')) throw failed.reason
    return told.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  }

  /** At a start nobody is known to be away, and one that is would be waited for while the others have answered. */
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
