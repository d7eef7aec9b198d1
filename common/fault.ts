// Errors of the outside world are a `Fault`: a code from the table of fault codes, a detail with the values, the
// cause, and whether a retry can help. Our own bugs are assertions, and end the process.

import { type FaultCode } from './fault-codes.ts'
import { CONFIG_BYTES_MAX } from './limits.ts'

export interface FaultOptions {
  /** The error that led to it. */
  readonly cause?: unknown
  /** True if the same call may succeed later without a change on our side (a peer that is down, a full disk). */
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

/** Whether a call failed because the process or the system had no descriptor left. That says nothing about the file, and passes. */
export function isOutOfDescriptors(error: unknown): boolean {
  return errnoOf(error) === 'EMFILE' || errnoOf(error) === 'ENFILE'
}

/** Whether the folder that the process was started in has been removed: whatever is looked for from there on cannot be found. */
export function isWorkingFolderGone(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall === 'uv_cwd'
}

/** The text to show for anything thrown. */
export function reasonOf(error: unknown): string {
  if (isWorkingFolderGone(error)) return 'the folder that this was started in is gone; change to another one'
  // A connection attempt to several addresses of one name fails with an AggregateError, which has no message of its own.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join('; ')
  if (error instanceof Error) return error.message
  // An error of a library's own class that was thrown in another thread arrives as a plain object.
  const isCoded = typeof error === 'object' && error !== null && 'code' in error
  return String(isCoded ? error.code : error)
}

/** Why a configuration, or a file that it names, could not be read. */
export function whyUnreadable(error: unknown): string {
  const errno = errnoOf(error)
  if (errno === 'ENOENT' || errno === 'ENOTDIR') return 'there is no such file'
  if (errno === 'EACCES' || errno === 'EPERM') return 'this user may not read it'
  if (errno === 'EISDIR') return 'this is a folder, not a file'
  if (errno === 'EFBIG') return `it is larger than ${CONFIG_BYTES_MAX / 2 ** 20} MiB, the maximum`
  return reasonOf(error)
}

/** Ends the process on a bug of our own. Never use it for anything that a peer, a disk or a user does. */
export function assert(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new Error(`broken rule in sluice itself: ${rule}`)
}
