// What the world does wrong is a `Fault`: a code from the one table, a detail with the values, the cause, and
// whether trying again can help. What we do wrong is an assertion, and the process ends.

import { type FaultCode } from './fault-codes.ts'

export interface FaultOptions {
  /** The error that led to it. */
  readonly cause?: unknown
  /** True where the same call may succeed later with nothing changed by us (a peer that is down, a full disk). */
  readonly retryable?: boolean
}

/** An error of the outside world. Catch it by `code`, never by its text. */
export class Fault extends Error {
  readonly code: FaultCode
  readonly detail: string
  readonly retryable: boolean

  constructor(code: FaultCode, detail: string, options: FaultOptions = {}) {
    super(`${code}: ${detail}`, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'Fault'
    this.code = code
    this.detail = detail
    this.retryable = options.retryable ?? false
  }
}

/** The errno name (`EADDRINUSE`, `ENOSPC`, …) that Node put on a system error, if it is one. */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return undefined
}

/** Whether it failed for lack of descriptors, of the process or the system: that says nothing about the file, and passes. */
export function isOutOfDescriptors(error: unknown): boolean {
  return errnoOf(error) === 'EMFILE' || errnoOf(error) === 'ENFILE'
}

/** The text to show for anything thrown. */
export function reasonOf(error: unknown): string {
  // What a connection attempt to several addresses of one name fails with; it has no message of its own.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join('; ')
  if (error instanceof Error) return error.message
  // What is left of an error of a library's own class that was thrown in another thread.
  const isCoded = typeof error === 'object' && error !== null && 'code' in error
  return String(isCoded ? error.code : error)
}

/** Ends the process on a bug of our own: never for what a peer, a disk or a user does. */
export function assert(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new Error(`broken rule in sluice itself: ${rule}`)
}
