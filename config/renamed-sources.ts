// Reports file sources that were probably renamed. Reading positions belong to the name of a source, so a source with a new name reads
// its files from their start, and what the old one had read is stored again.

import type { Platform } from '../common/platform.ts'
import type { Configuration } from './configuration.ts'

/** Logs the file sources that have no reading positions yet, if there are positions of which no source makes use. To be called before sources open. */
export async function reportRenamedSources(
  { dataFolder, sources }: Pick<Configuration, 'dataFolder' | 'sources'>,
  { disk, log }: Pick<Platform, 'disk' | 'log'>,
): Promise<void> {
  const folder = `${dataFolder}/sources`
  // If it cannot be read, the sources will say so.
  const names = await disk.list(folder).catch(() => [])
  const withPositions = new Set(names.map(String))
  const ours = new Set(sources.flatMap(({ name, type }) => (type.type === 'file' ? [name] : [])))
  const fresh = [...ours].filter((name) => !withPositions.has(name))
  const unused = [...withPositions].filter((name) => !ours.has(name))
  if (fresh.length > 0 && unused.length > 0) log.warn({ sources: fresh, unused, folder }, RENAMED)
}

const RENAMED =
  'sources have no reading positions, and there are unused ones: a source that was renamed reads its files from the start again'
