// Simulated time: events run in the order of their times. After each event, all promises that can continue do so; then time jumps
// to the next event.

import type { Cancel } from '../../common/clock.ts'

interface Event {
  readonly dueMs: number
  /** Order of events with the same time. */
  readonly turn: number
  /** Undefined once the event is cancelled. */
  call: (() => void) | undefined
}

/** With more events than this at one moment, something schedules itself again and again without a delay. */
const STEPS_AT_ONCE_MAX = 100_000
const START = Date.UTC(2026, 10, 23, 10) * 1000

export class Timeline {
  #ms = 0
  #turn = 0
  /** A binary heap; the next event is first. */
  readonly #events: Event[] = []
  /** Number of events that have run. */
  steps = 0

  get ms(): number {
    return this.#ms
  }

  /** Simulated time of day in whole µs since the epoch. */
  get now(): number {
    return START + Math.floor(this.#ms * 1000)
  }

  after(ms: number, call: () => void): Cancel {
    this.#turn += 1
    const event: Event = { dueMs: this.#ms + Math.max(0, ms), turn: this.#turn, call }
    this.#push(event)
    return () => (event.call = undefined)
  }

  /** Runs all events of the next `ms`, or until `over` returns true. */
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
      // All promises that can continue do so before an immediate is called.
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
