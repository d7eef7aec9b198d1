// Where rotated files of a destination lie: the folders that its path template can lead to.

import { join } from 'node:path'
import type { Disk } from '../../common/disk.ts'
import type { PathTemplate } from './path-template.ts'

type Component = PathTemplate['components'][number]

/** The folders that hold files of the template, as they are on the disk now. */
export async function* foldersOf(disk: Disk, template: PathTemplate): AsyncGenerator<string> {
  yield* below(disk, template.folder, template.components.slice(0, -1))
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

/** Whether `base` in `folder` can be a file of the template. */
export function wasOurs(template: PathTemplate, folder: string, base: string): boolean {
  const names = template.components.slice(0, -1)
  const parts = names.length === 0 ? [] : folder.split('/').slice(-names.length)
  const last = template.components[template.components.length - 1]
  return names.every((component, i) => patternOf(component).test(parts[i])) && patternOf(last).test(base)
}

function patternOf(component: Component): RegExp {
  const text = component.map((piece) => (typeof piece === 'string' ? escaped(piece) : '.+')).join('')
  return new RegExp(`^${text}$`, 's')
}

const escaped = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
