// A repeatable event that can be awaited.

import type { Clock } from '../clock.ts'

export class Signal {
  #next: Promise<void> | undefined
  #resolve: (() => void) | undefined
  readonly #waiting = new Set<() => void>()

  /** Resolves at the next `raise`; all waiters share one promise. */
  next(): Promise<void> {
    this.#next ??= new Promise((resolve) => {
      this.#resolve = resolve
    })
    return this.#next
  }

  /**
   * Resolves at the next `raise`, after `ms`, or as soon as `stop` aborts. A race of `next` and a timer would leave the loser behind:
   * a timer and a listener at each raise, a callback at the shared promise each time that the timer wins.
   */
  within(ms: number, clock: Clock, stop: AbortSignal): Promise<void> {
    if (stop.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        cancel()
        stop.removeEventListener('abort', done)
        this.#waiting.delete(done)
        resolve()
      }
      const cancel = clock.after(ms, done)
      stop.addEventListener('abort', done)
      this.#waiting.add(done)
    })
  }

  raise(): void {
    const resolve = this.#resolve
    this.#next = undefined
    this.#resolve = undefined
    resolve?.()
    for (const done of [...this.#waiting]) done()
  }
}
