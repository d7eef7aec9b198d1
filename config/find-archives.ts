// Finds the archives to search: those of `--archive`, else those of the configuration.

import { join, resolve } from 'node:path'
import { systemDisk } from '../common/disk.ts'
import type { Filters } from '../common/expression/filters.ts'
import { parseExpression } from '../common/expression/parse.ts'
import { Fault } from '../common/fault.ts'
import { CONFIG_BYTES_MAX } from '../common/limits.ts'
import { defaultDataFolder } from './data-folder.ts'
import { findConfiguration } from './find-configuration.ts'

export interface FoundArchives {
  /** Folders of archives. */
  readonly folders: readonly string[]
  /** The named filters of the configuration; empty if no configuration was read. */
  readonly filters: Filters
}

/** Name of the archive in the built-in configurations. */
const BUILT_IN_NAME = 'archive'

/**
 * Finds the archives. The configuration is read only if its folders or filters are needed. Rejects with `USAGE` if it has faults, with
 * `ARCHIVE_MISSING` if it has no archive.
 */
export async function findArchives(
  given: readonly string[] | undefined,
  config: string | undefined,
  needsFilters: boolean,
): Promise<FoundArchives> {
  // A folder that is named twice is searched once.
  const folders = given && [...new Map(given.map((folder) => [resolve(folder), folder])).values()]
  const path = config ?? (await findConfiguration())
  if (path === undefined || (folders && !needsFilters)) {
    return { folders: folders ?? [join(defaultDataFolder(), BUILT_IN_NAME)], filters: new Map() }
  }
  const { archives, filters } = (await whatIsNeeded(path)) ?? (await wholeConfiguration(path))
  if (!folders && archives.length === 0) {
    throw new Fault('ARCHIVE_MISSING', `${path} has no destination of type archive; --archive DIR names one`)
  }
  return { folders: folders ?? archives, filters }
}

interface Needed {
  readonly archives: readonly string[]
  readonly filters: Filters
}

/**
 * Reads only what a search needs of a configuration, which saves 200 ms for loading the modules of sources and destinations. Undefined
 * if anything is unexpected: then the full validation reports what is wrong.
 */
async function whatIsNeeded(path: string): Promise<Needed | undefined> {
  const { parseYaml, valueOf } = await import('./yaml.ts')
  let text: string
  try {
    text = (await systemDisk.readFile(path, CONFIG_BYTES_MAX)).toString()
  } catch {
    return undefined
  }
  const { root, faults } = parseYaml(text)
  const top = root && valueOf(root)
  if (faults.length > 0 || !isMap(top)) return undefined
  const { data, destinations = {}, filters = {} } = top
  if ((data !== undefined && typeof data !== 'string') || !isMap(destinations) || !isMap(filters)) return undefined
  const folder = data === undefined ? defaultDataFolder() : resolve(data)
  const archives = Object.entries(destinations).filter(([, options]) => isMap(options) && options['type'] === 'archive')
  try {
    return {
      archives: archives.map(([name]) => join(folder, name)),
      filters: new Map(Object.entries(filters).map(([name, text]) => [name, parseExpression(String(text))])),
    }
  } catch (error) {
    if (error instanceof Fault) return undefined
    throw error
  }
}

async function wholeConfiguration(path: string): Promise<Needed> {
  const { loadConfiguration } = await import('./load.ts')
  const { configuration, text } = await loadConfiguration(path)
  if (!configuration) {
    throw new Fault('USAGE', `the configuration has faults; --archive DIR searches without one\n${text.trimEnd()}`)
  }
  const { filters, dataFolder, destinations } = configuration
  const archives = destinations.filter(({ type }) => type.type === 'archive')
  return { archives: archives.map(({ name }) => join(dataFolder, name)), filters }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
