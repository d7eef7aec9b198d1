// The types of sources and destinations of this version. Each declares its options with its code.

import { archiveType } from '../collector/archive/archive-type.ts'
import { fileType } from '../collector/file/file-type.ts'
import { syslogSource } from '../collector/listen/syslog-source.ts'
import { stdoutType } from '../collector/stdout.ts'
import type { DestinationType, SourceType } from '../common/component.ts'
import { fileSource } from '../shipper/tail/file-source.ts'
import { stdinSource } from '../shipper/source/stdin.ts'
import { unixSource } from '../shipper/source/unix.ts'
import { forwardType } from '../shipper/forward/forward-destination.ts'

export interface KnownTypes {
  readonly sources: readonly SourceType<unknown>[]
  readonly destinations: readonly DestinationType<unknown>[]
}

export const knownTypes: KnownTypes = {
  sources: [fileSource, stdinSource, syslogSource, unixSource],
  destinations: [archiveType, fileType, forwardType, stdoutType],
}

/** Types that are planned for a later version, so that using one is not reported as a misspelling. */
export const laterTypes = {
  sources: ['journal', 'pipe', 'exec', 'kmsg'],
  destinations: ['sqlite', 'postgres', 'clickhouse'],
} as const
