// Which receiver gets what: decisions alone, without a socket.
//
// What is sent is dealt to hands. A hand has a home among the receivers, and is at one receiver at a time: what it holds goes
// from there in order. `failover` has one hand, at home with the first receiver. `round-robin` and `hash` have as many hands
// as receivers. A stream stays in one hand, and so at one receiver.
//
//   failover      everything ─▶ hand 0          home a, then b, then c
//   round-robin   in turn    ─▶ hand 0, 1, 2    homes a, b, c; hand 1 goes to c when b is lost, then to a
//   hash          by key     ─▶ hand 0, 1, 2

import type { Run } from '../../common/pipeline/batch.ts'
import { RECEIVER_WELL_MAX_MS, RECEIVER_WELL_MS } from '../../common/limits.ts'
import type { Random } from '../../common/random.ts'
import { Backoff } from '../../common/retry.ts'

export const balances = ['failover', 'round-robin', 'hash'] as const
export type Balance = (typeof balances)[number]

// How many streams `round-robin` remembers. Forgotten are those that have been silent for longest.
const STREAMS_MAX = 100_000

/** Deals runs to hands. */
export class Dealer {
  readonly hands: number
  readonly #balance: Balance
  readonly #receivers: readonly string[]
  readonly #streams = new Map<string, number>()
  #turn = 0
  #batches = 0

  /** `receivers` are their addresses, as they are written. */
  constructor(balance: Balance, receivers: readonly string[]) {
    this.#balance = balance
    this.#receivers = receivers
    this.hands = balance === 'failover' ? 1 : receivers.length
  }

  /** A hand for each run of a batch. */
  deal(runs: readonly Run[]): number[] {
    if (this.hands === 1) return runs.map(() => 0)
    if (this.#balance === 'hash') return runs.map((run) => this.#hashed(run))
    const batch = runs.some(({ stream }) => !stream) ? this.#batches++ % this.hands : 0
    return runs.map(({ stream }) => (stream ? this.#ofStream(stream.id) : batch))
  }

  #ofStream(id: string): number {
    const hand = this.#streams.get(id) ?? this.#turn++ % this.hands
    this.#streams.delete(id)
    this.#streams.set(id, hand)
    if (this.#streams.size > STREAMS_MAX) this.#streams.delete(this.#streams.keys().next().value!)
    return hand
  }

  #hashed({ stream, origin }: Run): number {
    return this.#highest(stream?.id ?? origin.peer ?? origin.host.toString('latin1'))
  }

  // Highest random weight: where a receiver is added to the list, the others lose only what goes to it.
  #highest(key: string): number {
    let best = 0
    let bestWeight = -1
    this.#receivers.forEach((receiver, i) => {
      const weight = hash(`${receiver} ${key}`)
      if (weight > bestWeight) [best, bestWeight] = [i, weight]
    })
    return best
  }
}

/** FNV-1a, then mixed: alike keys differ in few bits, and FNV leaves those low. */
function hash(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** How a receiver has been doing. */
export class ReceiverHealth {
  /** Until something is known of it, it is thought to be there. */
  isUsable = true
  #wellFromMs = 0
  #acknowledgedMs = 0
  readonly #backoff: Backoff

  constructor(random: Random) {
    this.#backoff = new Backoff(random, RECEIVER_WELL_MS, RECEIVER_WELL_MAX_MS)
  }

  /** Whether it is worth coming back to. One that was never lost always is; one that comes and goes, later each time. */
  isWell(nowMs: number): boolean {
    return this.isUsable && nowMs >= this.#wellFromMs
  }

  /** It has acknowledged something that it was given. */
  acknowledged(nowMs: number): void {
    this.#acknowledgedMs = nowMs
  }

  /**
   * `owes`: whether it was given something that it has not acknowledged. One that takes connections and stores nothing (its disk is
   * full) was well up to its last acknowledgement, however long it was waited for.
   */
  changed(isUp: boolean, nowMs: number, owes = false): void {
    if (isUp === this.isUsable) return
    const wellUntilMs = owes ? this.#acknowledgedMs : nowMs
    if (isUp) this.#wellFromMs = nowMs + this.#backoff.nextMs()
    else if (wellUntilMs >= this.#wellFromMs + RECEIVER_WELL_MS) this.#backoff.reset()
    this.isUsable = isUp
  }
}

/**
 * The receiver for a hand that is at `at`: home when it is well, else where it is while that can be used, else the next
 * behind home; where none can be used, it stays.
 */
export function receiverFor(home: number, at: number, healths: readonly ReceiverHealth[], nowMs: number): number {
  if (healths[home].isWell(nowMs)) return home
  if (healths[at].isUsable) return at
  const inOrder = healths.map((_, i) => (home + i) % healths.length)
  return inOrder.find((i) => healths[i].isWell(nowMs)) ?? inOrder.find((i) => healths[i].isUsable) ?? at
}
