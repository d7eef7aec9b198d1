// Simulated time: what is due is done in the order of its time, and each thing runs until nothing is left that could run at once.
// Then time jumps to the next.

import type { Cancel } from '../../common/clock.ts'

interface Event {
  readonly dueMs: number
  readonly turn: number
  /** Absent when cancelled. */
  call: (() => void) | undefined
}

/** More than this at one moment, and time stands still: something asks for its next turn at once, for ever. */
const STEPS_AT_ONCE_MAX = 100_000
const START = Date.UTC(2026, 10, 23, 10) * 1000

export class Timeline {
  #ms = 0
  #turn = 0
  /** A heap, the next event first. */
  readonly #events: Event[] = []
  /** Events that were run. */
  steps = 0

  get ms(): number {
    return this.#ms
  }

  /** Whole µs since the epoch. */
  get now(): number {
    return START + Math.floor(this.#ms * 1000)
  }

  after(ms: number, call: () => void): Cancel {
    this.#turn += 1
    const event: Event = { dueMs: this.#ms + Math.max(0, ms), turn: this.#turn, call }
    this.#push(event)
    return () => (event.call = undefined)
  }

  /** Runs everything that is due in the next `ms`, or until `over`. */
  async pass(ms: number, over: () => boolean = () => false): Promise<void> {
    const until = this.#ms + ms
    let stepsBefore = this.steps
    while (this.#events.length > 0 && this.#events[0].dueMs <= until) {
      const { dueMs, call } = this.#pop()
      if (!call) continue
      if (dueMs > this.#ms) stepsBefore = this.steps
      this.#ms = dueMs
      this.steps += 1
      if (this.steps - stepsBefore > STEPS_AT_ONCE_MAX) throw new Error(`time stands still at ${dueMs} ms`)
      call()
      // Every promise that can go on does so before an immediate is called.
      await new Promise(setImmediate)
      if (over()) return
    }
    this.#ms = until
  }

  #push(event: Event): void {
    const heap = this.#events
    let at = heap.push(event) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (isBefore(heap[above], event)) break
      heap[at] = heap[above]
      at = above
    }
    heap[at] = event
  }

  #pop(): Event {
    const heap = this.#events
    const first = heap[0]
    const last = heap.pop()!
    if (heap.length === 0) return first
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && isBefore(heap[below + 1], heap[below])) below += 1
      if (isBefore(last, heap[below])) break
      heap[at] = heap[below]
      at = below
    }
    heap[at] = last
    return first
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.turn < other.turn)
}
