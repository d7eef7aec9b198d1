// A clock that moves only when told.

import type { Cancel, Clock } from '../../common/clock.ts'

interface Timer {
  readonly dueMs: number
  readonly call: () => void
}

export class FakeClock implements Clock {
  #ms = 0
  #wall: number
  #timers: Timer[] = []

  /** `wall` is where the wall clock starts, µs since the epoch. */
  constructor(wall: number = Date.UTC(2026, 10, 23, 10) * 1000) {
    this.#wall = wall
  }

  now(): number {
    return this.#wall + this.#ms * 1000
  }

  monotonicMs(): number {
    return this.#ms
  }

  after(ms: number, call: () => void): Cancel {
    const timer = { dueMs: this.#ms + ms, call }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  soon(call: () => void): Cancel {
    const handle = setImmediate(call)
    return () => clearImmediate(handle)
  }

  /** The administrator sets the wall clock. */
  setWall(wall: number): void {
    this.#wall = wall - this.#ms * 1000
  }

  /** Lets `ms` pass: timers fall due in order, and promises they settle are run. */
  async pass(ms: number): Promise<void> {
    const until = this.#ms + ms
    for (;;) {
      const due = this.#timers.filter(({ dueMs }) => dueMs <= until).sort((a, b) => a.dueMs - b.dueMs)[0]
      if (!due) break
      this.#timers = this.#timers.filter((other) => other !== due)
      this.#ms = Math.max(this.#ms, due.dueMs)
      due.call()
      await settle()
    }
    this.#ms = until
    await settle()
  }
}

/** As many turns of the event loop as it takes on a network in memory until nothing goes on any more, however slow the machine. */
export async function standstill(): Promise<void> {
  for (let turn = 0; turn < 100; turn += 1) await settle()
}

/** Runs every promise callback that is ready, and one turn of the event loop. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
