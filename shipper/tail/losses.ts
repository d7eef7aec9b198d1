// What cannot be read any more is said, and counted as far as it is known.

import { reasonOf } from '../../common/fault.ts'
import type { Platform } from '../../common/platform.ts'
import type { FileRecord } from './position-store.ts'

type Told = Pick<Platform, 'log' | 'metrics'>

/** So many bytes were seen of a file and not read, and are nowhere to be found. Nobody knows how many messages that was. */
export function sayUnread({ log, metrics }: Told, source: string, path: string, bytes: number): void {
  if (bytes === 0) return
  metrics.count('sluice_unread_bytes_total', { source }, bytes)
  log.warn({ path, bytes }, 'file was cut or removed before all of it was read, and there is no copy: this is lost')
}

/** These messages were given back after their file was cut or removed. */
export function sayGivenBack(
  { log, metrics }: Told,
  source: string,
  path: string,
  { messages, error }: { readonly messages: number; readonly error: unknown },
): void {
  metrics.count('sluice_dropped_total', { reason: 'file_gone', where: source }, messages)
  log.warn(
    { path, messages, reason: reasonOf(error) },
    'a write was given back, and its file is not there any more: its messages are lost',
  )
}

/** The file of a stream is nowhere to be found. */
export function sayGone(told: Told, source: string, { path, position, unread }: FileRecord): void {
  if (unread !== undefined) return sayUnread(told, source, path, unread)
  told.log.warn(
    { path, position },
    'file is gone: what was written to it after this position, if anything, is not there to be read',
  )
}
