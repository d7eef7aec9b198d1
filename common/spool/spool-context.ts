// What all parts of a spool share.

import type { Platform } from '../platform.ts'
import type { SpoolOptions } from './spool-options.ts'
import type { SpoolRoom } from './spool-room.ts'

export interface SpoolContext extends SpoolOptions {
  /** Name of the destination behind the spool. */
  readonly name: string
  readonly folder: string
  readonly platform: Platform
  /** Shared by all lanes of one destination. */
  readonly room: SpoolRoom
}
