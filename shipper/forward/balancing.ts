// Decides which receiver gets which messages. Knows no socket.
//
// Messages are assigned to shares. A share is a part of the work: it has a home receiver, and is at one receiver at a time, to which its
// messages go in order. `failover` has one share, whose home is the first receiver. `round-robin` and `hash` have one share per
// receiver. A stream stays in one share, and so at one receiver at a time.
//
//   failover      everything ─▶ share 0          home a, then b, then c
//   round-robin   in turn    ─▶ share 0, 1, 2    homes a, b, c; share 1 goes to c when b is lost, then to a
//   hash          by key     ─▶ share 0, 1, 2

import type { Run } from '../../common/pipeline/batch.ts'
import { RECEIVER_WELL_MAX_MS, RECEIVER_WELL_MS } from '../../common/limits.ts'
import type { Random } from '../../common/random.ts'
import { Backoff } from '../../common/retry.ts'

export const balances = ['failover', 'round-robin', 'hash'] as const
export type Balance = (typeof balances)[number]

// How many streams `round-robin` remembers. Those that have been silent for longest are forgotten first.
const STREAMS_MAX = 100_000

/** Assigns runs to shares. */
export class Balancer {
  readonly shares: number
  readonly #balance: Balance
  readonly #receivers: readonly string[]
  readonly #streams = new Map<string, number>()
  #turn = 0
  #batches = 0

  /** `receivers` are the addresses of the receivers as they are configured. */
  constructor(balance: Balance, receivers: readonly string[]) {
    this.#balance = balance
    this.#receivers = receivers
    this.shares = balance === 'failover' ? 1 : receivers.length
  }

  /** The index of a share for each run of a batch. */
  assign(runs: readonly Run[]): number[] {
    if (this.shares === 1) return runs.map(() => 0)
    if (this.#balance === 'hash') return runs.map((run) => this.#hashed(run))
    const batch = runs.some(({ stream }) => !stream) ? this.#batches++ % this.shares : 0
    return runs.map(({ stream }) => (stream ? this.#ofStream(stream.id) : batch))
  }

  #ofStream(id: string): number {
    const share = this.#streams.get(id) ?? this.#turn++ % this.shares
    this.#streams.delete(id)
    this.#streams.set(id, share)
    if (this.#streams.size > STREAMS_MAX) this.#streams.delete(this.#streams.keys().next().value!)
    return share
  }

  #hashed({ stream, origin }: Run): number {
    return this.#highest(stream?.id ?? origin.peer ?? origin.host.toString('latin1'))
  }

  // Rendezvous hashing (highest random weight): a receiver that is added takes its share of the keys, and no other key moves.
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

/** FNV-1a with the final mix of MurmurHash3: similar keys differ in few bits, which FNV-1a alone leaves in the low half. */
function hash(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** Whether a receiver can be used, and whether it is worth returning to. */
export class ReceiverHealth {
  /** A receiver counts as usable until it is known not to be. */
  isUsable = true
  #wellFromMs = 0
  #acknowledgedMs = 0
  readonly #backoff: Backoff

  constructor(random: Random) {
    this.#backoff = new Backoff(random, RECEIVER_WELL_MS, RECEIVER_WELL_MAX_MS)
  }

  /** Whether its share may return. At once if it was never lost; if it comes and goes, after a longer wait each time. */
  isWell(nowMs: number): boolean {
    return this.isUsable && nowMs >= this.#wellFromMs
  }

  /** The receiver has acknowledged a batch. */
  acknowledged(nowMs: number): void {
    this.#acknowledgedMs = nowMs
  }

  /**
   * The receiver has become usable, or was lost. `owes` tells whether it has a batch that it has not acknowledged: if it accepts
   * connections but stores nothing (its disk is full), it counts as well only up to its last acknowledgement.
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
 * The receiver for a share that is at `at`: its home if that is well, else `at` if that is usable, else the next one after its
 * home. If none is usable, the share stays.
 */
export function receiverFor(home: number, at: number, healths: readonly ReceiverHealth[], nowMs: number): number {
  if (healths[home].isWell(nowMs)) return home
  if (healths[at].isUsable) return at
  const inOrder = healths.map((_, i) => (home + i) % healths.length)
  return inOrder.find((i) => healths[i].isWell(nowMs)) ?? inOrder.find((i) => healths[i].isUsable) ?? at
}
