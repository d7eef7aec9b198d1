// The program's own log: pino on stderr, human-readable on a terminal, JSON otherwise. Warnings that can occur
// thousands of times a second are rate-limited, with the number of those left out.

import { pino, type Logger } from 'pino'
import pretty from 'pino-pretty'
import type { Clock } from './clock.ts'
import { terminalOf } from './terminal.ts'

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'>

const STDERR = 2

/** Opens the log of a daemon or command. `level` is one of pino's. */
export function openLog(level: string = 'info'): Log {
  const base = null // no pid and host name on every line: journald and sluice itself add them
  if (!process.stderr.isTTY) return pino({ level, base }, pino.destination({ dest: STDERR, sync: true }))
  const { colorful: colorize } = terminalOf(true, process.env)
  const style = { colorize, translateTime: 'SYS:HH:MM:ss.l', singleLine: true }
  return pino({ level, base }, pretty({ destination: STDERR, sync: true, ...style }))
}

const WARN_EVERY_MS = 10_000

/** Logs at most one warning in ten seconds; the next one says in `repeated` how many were left out. */
export class RateLimitedWarning {
  readonly #log: Log
  readonly #clock: Clock
  #lastMs = -Infinity
  #quiet = 0

  constructor(log: Log, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  warn(values: object, text: string): void {
    const now = this.#clock.monotonicMs()
    if (now - this.#lastMs < WARN_EVERY_MS) {
      this.#quiet += 1
      return
    }
    const repeated = this.#quiet
    this.#lastMs = now
    this.#quiet = 0
    this.#log.warn(repeated === 0 ? values : { ...values, repeated }, text)
  }
}
