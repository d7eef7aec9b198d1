// Finds faults of a valid configuration that only show on the machine, such as missing certificates, with their place in the file.

import type { Misfit } from '../common/component.ts'
import type { Disk } from '../common/disk.ts'
import type { Components } from './configuration.ts'
import type { ConfigFault } from './source-text.ts'
import { offsetOf, type YamlNode } from './yaml.ts'

/** Calls `examine` of each component. `root` is the configuration as it was parsed. */
export async function examine(
  { sources, destinations }: Components,
  root: YamlNode | undefined,
  disk: Disk,
): Promise<ConfigFault[]> {
  const faults: ConfigFault[] = []
  const add = (group: string, name: string, misfits: readonly Misfit[]) => {
    for (const { path, sentence, suggestion } of misfits) {
      const at = root && offsetOf(root, [group, name, ...path])
      faults.push({
        code: 'CONFIG_WRONG_VALUE',
        sentence: `${path.join('.')}: ${sentence}`,
        ...(suggestion !== undefined && { suggestion }),
        ...(at !== undefined && { at }),
      })
    }
  }
  for (const { name, type, options } of sources) {
    add('sources', name, (await type.examine?.(options as object, disk)) ?? [])
  }
  for (const { name, type, options } of destinations) {
    add('destinations', name, (await type.examine?.(options as object, disk)) ?? [])
  }
  return faults
}
