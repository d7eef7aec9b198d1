// Where the archives are that a search looks into: `--archive`, else those of the configuration that is found.

import { join } from 'node:path'
import type { Filters } from '../common/expression/filters.ts'
import { Fault } from '../common/fault.ts'
import { systemDisk } from '../common/disk.ts'
import type { StoredBlock } from '../collector/search/stored-block.ts'
import { defaultDataFolder } from './data-folder.ts'

export interface ArchivePlaces {
  /** The named filters of the configuration, none where none was read. */
  readonly filters: Filters
  /** Of all archives, in the order of intake of each. */
  blocks(): StoredBlock[]
  close(): void
}
