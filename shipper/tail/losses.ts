// What can no longer be read is logged, and counted as far as its size is known.

import { reasonOf } from '../../common/fault.ts'
import type { Platform } from '../../common/platform.ts'
import type { FileRecord } from './position-store.ts'

type Told = Pick<Platform, 'log' | 'metrics'>

/** This many bytes of a file were seen but not read, and are nowhere to be found. Nobody knows how many messages they were. */
export function reportUnread({ log, metrics }: Told, source: string, path: string, bytes: number): void {
  if (bytes === 0) return
  metrics.count('sluice_unread_bytes_total', { source }, bytes)
  log.warn(
    { path, bytes },
    'file was truncated or removed before all of it was read, and there is no copy: these bytes are lost',
  )
}

/** These messages were given back after their file had been truncated or removed. */
export function reportGivenBack(
  { log, metrics }: Told,
  source: string,
  path: string,
  { messages, error }: { readonly messages: number; readonly error: unknown },
): void {
  metrics.count('sluice_dropped_total', { reason: 'file_gone', where: source }, messages)
  log.warn(
    { path, messages, reason: reasonOf(error) },
    'a write failed and the file is no longer there to be read again: these messages are lost',
  )
}

/** The file of a stream is nowhere to be found. */
export function reportGone(told: Told, source: string, { path, position, unread }: FileRecord): void {
  if (unread !== undefined) return reportUnread(told, source, path, unread)
  told.log.warn({ path, position }, 'file is gone: anything written to it after this position is lost')
}
