// Access to time, behind one interface so that a simulation can replace it. Nothing else in the program reads the
// system's clock or sets a timer.

import { setImmediate as immediately, setInterval as again, setTimeout as later } from 'node:timers'

/** Cancels the call that it was returned for; does nothing if that has happened already. */
export type Cancel = () => void

export interface Clock {
  /** Wall clock, whole microseconds since the epoch. May go back when an administrator sets it. */
  now(): number
  /** Milliseconds from an arbitrary point. Never goes back. */
  monotonicMs(): number
  /** Calls once after `ms`. The timer does not keep the process alive: the daemon does that itself. */
  after(ms: number, call: () => void): Cancel
  /** Calls once, after the current turn of the event loop has processed all I/O that was ready. */
  soon(call: () => void): Cancel
}

// Date.now() follows changes of the system clock but has millisecond resolution; performance.now() has a finer one
// but does not follow. So performance.now() is added to an anchor, and the anchor is moved when the two drift apart.
const DRIFT_MS = 3
let anchorMs = performance.timeOrigin

function wallClock(): number {
  const fine = performance.now()
  const drift = Date.now() - (anchorMs + fine)
  if (drift > DRIFT_MS || drift < -DRIFT_MS) anchorMs += drift
  return Math.floor((anchorMs + fine) * 1000)
}

export const systemClock: Clock = {
  now: wallClock,
  monotonicMs: () => performance.now(),
  after(ms, call) {
    const timer = later(call, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
  soon(call) {
    const handle = immediately(call)
    return () => clearImmediate(handle)
  },
}

/** Calls every `everyMs` and keeps the process alive: for a daemon, which waits for input. */
export function heartbeat(everyMs: number, call: () => void): Cancel {
  const timer = again(call, everyMs)
  return () => clearInterval(timer)
}

/** Resolves in the next turn of the event loop: lets other work run during a long task. */
export function nextTurn(clock: Clock): Promise<void> {
  return new Promise((resolve) => void clock.soon(resolve))
}

/** Resolves after `ms`, or as soon as `signal` aborts: check the signal afterwards. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.after(ms, done)
    signal?.addEventListener('abort', done)
  })
}
