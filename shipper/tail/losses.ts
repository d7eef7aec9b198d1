// Reports losses: bytes and messages that can no longer be read are logged, and counted as far as their number is known. Paths are name
// texts (`pattern.ts`).

import { reasonOf } from '../../common/fault.ts'
import type { Platform } from '../../common/platform.ts'
import { shownName } from './pattern.ts'
import type { FileRecord } from './position-store.ts'

type Reporting = Pick<Platform, 'log' | 'metrics'>

/** Reports that `bytes` bytes of a file were seen but not read, and were not found. The number of messages in them is unknown. */
export function reportUnread({ log, metrics }: Reporting, source: string, path: string, bytes: number): void {
  if (bytes === 0) return
  metrics.count('sluice_unread_bytes_total', { source }, bytes)
  log.warn(
    { path: shownName(path), bytes },
    'file was truncated or removed before all of it was read, and there is no copy: these bytes are lost',
  )
}

/** Reports messages whose write was rejected after their file had been truncated or removed. */
export function reportGivenBack(
  { log, metrics }: Reporting,
  source: string,
  path: string,
  { messages, error }: { readonly messages: number; readonly error: unknown },
): void {
  metrics.count('sluice_dropped_total', { reason: 'file_gone', where: source }, messages)
  log.warn(
    { path: shownName(path), messages, reason: reasonOf(error) },
    'a write failed and the file is no longer there to be read again: these messages are lost',
  )
}

/** Reports that the file of a stream was not found. */
export function reportGone(reporting: Reporting, source: string, { path, position, unread }: FileRecord): void {
  if (unread !== undefined) return reportUnread(reporting, source, path, unread)
  reporting.log.warn(
    { path: shownName(path), position },
    'file is gone: anything written to it after this position is lost',
  )
}
