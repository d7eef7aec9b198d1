// What each part of a spool knows of its surroundings.

import type { Platform } from '../platform.ts'
import type { SpoolOptions } from './spool-options.ts'
import type { SpoolRoom } from './spool-room.ts'

export interface SpoolContext extends SpoolOptions {
  /** Of the destination behind it. */
  readonly name: string
  readonly folder: string
  readonly platform: Platform
  /** Shared by all lanes of one destination. */
  readonly room: SpoolRoom
}
