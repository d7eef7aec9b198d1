// Where the archives are that a search looks into: `--archive`, else those of the configuration that is found.

import { join } from 'node:path'
import type { Filters } from '../common/expression/filters.ts'
import { Fault } from '../common/fault.ts'
import { defaultDataFolder } from './data-folder.ts'
import { findConfiguration } from './find-configuration.ts'

export interface ArchivePlaces {
  /** Folders of archives. */
  readonly folders: readonly string[]
  /** The named filters of the configuration; none where none was read. */
  readonly filters: Filters
}

/** The destination of the built-in configurations. */
const BUILT_IN_NAME = 'archive'

/**
 * Finds the archives. The configuration is read only where it is needed: for its folders, or for its filters. Rejects
 * with `USAGE` for one with faults and with `ARCHIVE_MISSING` for one without an archive.
 */
export async function archivePlaces(
  folders: readonly string[] | undefined,
  config: string | undefined,
  needsFilters: boolean,
): Promise<ArchivePlaces> {
  const path = config ?? (await findConfiguration())
  if (path === undefined || (folders && !needsFilters)) {
    return { folders: folders ?? [join(defaultDataFolder(), BUILT_IN_NAME)], filters: new Map() }
  }
  // Not before it is needed: all that a configuration may name comes with it.
  const { loadConfiguration } = await import('./load.ts')
  const { configuration, text } = await loadConfiguration(path)
  if (!configuration) {
    throw new Fault('USAGE', `the configuration has faults; --archive DIR searches without one\n${text.trimEnd()}`)
  }
  const { filters, dataFolder, destinations } = configuration
  const archives = destinations.filter(({ type }) => type.type === 'archive').map(({ name }) => join(dataFolder, name))
  if (!folders && archives.length === 0) {
    throw new Fault('ARCHIVE_MISSING', `${path} has no destination of type archive; --archive DIR names one`)
  }
  return { folders: folders ?? archives, filters }
}
