// Finds the folders that may have rotated files of a destination: those that match its path template. Tells rotated files from others.

import { join } from 'node:path'
import type { Disk } from '../../common/disk.ts'
import { escaped } from './path-ownership.ts'
import type { PathTemplate } from './path-template.ts'

type Component = PathTemplate['components'][number]

/** The existing folders in which files of the template can be. */
export async function* foldersOf(disk: Disk, template: PathTemplate): AsyncGenerator<string> {
  yield* below(disk, template.folder, template.components.slice(0, -1))
}

/**
 * Whether a name like that of a rotated file is one. With `{host}/all.log` a sender may have a folder of such a name; it would count for
 * `keep`, and what is older would be removed.
 */
export async function isRotatedFile(disk: Disk, path: string): Promise<boolean> {
  return (await disk.statLink(path))?.kind === 'file'
}

async function* below(disk: Disk, folder: string, components: readonly Component[]): AsyncGenerator<string> {
  const [component, ...deeper] = components
  if (!component) {
    yield folder
    return
  }
  const pattern = patternOf(component)
  for (const name of await disk.list(folder)) {
    const text = name.toString('utf8')
    if (!pattern.test(text)) continue
    const path = join(folder, text)
    if ((await disk.stat(path))?.kind === 'folder') yield* below(disk, path, deeper)
  }
}

function patternOf(component: Component): RegExp {
  const text = component.map((piece) => (typeof piece === 'string' ? escaped(piece) : '.+')).join('')
  return new RegExp(`^${text}$`, 's')
}
