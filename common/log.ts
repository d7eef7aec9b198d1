// The program's own log: pino on stderr, human-readable on a terminal, JSON otherwise. Warnings that can occur
// thousands of times a second are rate-limited, with the number of those left out.
//
// The log never blocks the program or ends it. If the reader of a pipe or socket stops reading (`2>&1 | less`, a journal that hangs, a
// container's log driver that waits for this very program), lines beyond `LOG_WAITING_BYTES_MAX` are left out. A line that cannot be
// written, for example to a full disk, is lost, and the next one is tried.

import { pino, type DestinationStream, type Logger } from 'pino'
import { prettyFactory } from 'pino-pretty'
import type { Writable } from 'node:stream'
import { systemClock, type Clock } from './clock.ts'
import { LOG_WAITING_BYTES_MAX } from './limits.ts'
import { terminalOf } from './terminal.ts'

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'>

/** Opens the log of a daemon or command. `level` is one of pino's. */
export function openLog(level: string = 'info'): Log {
  const base = null // no pid and host name on every line: journald and sluice itself add them
  if (!process.stderr.isTTY) return pino({ level, base }, logOutput(process.stderr))
  const { colorful: colorize } = terminalOf(true, process.env)
  const style = prettyFactory({ colorize, translateTime: 'SYS:HH:MM:ss.l', singleLine: true })
  return pino({ level, base }, logOutput(process.stderr, style))
}

/** A destination for pino that writes to a stream whose reader may stop reading. `style` converts each JSON line. */
export function logOutput(stream: Writable, style: (line: string) => string = (line) => line): DestinationStream {
  let leftOut = 0
  return {
    write(line) {
      if (stream.writableLength > LOG_WAITING_BYTES_MAX) {
        leftOut += 1
        return
      }
      if (leftOut > 0) {
        const level = pino.levels.values['warn']
        const gap = {
          level,
          time: Math.floor(systemClock.now() / 1000),
          lines: leftOut,
          msg: 'lines of this log are missing here: nobody read it',
        }
        stream.write(style(`${JSON.stringify(gap)}\n`))
        leftOut = 0
      }
      stream.write(style(line))
    },
  }
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
