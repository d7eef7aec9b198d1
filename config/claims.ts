// What two components of a configuration cannot both have: an address to listen on, a file to write. Two destinations that
// wrote one file would each take the other's lines, after a crash, for what it had not committed itself.

import type { Claim } from '../common/component.ts'
import type { ConfigFault } from './source-text.ts'
import { placeOf, type YamlMap } from './yaml.ts'

interface Claimant {
  readonly name: string
  readonly type: { claims?(options: never): readonly Claim[] }
  /** Undefined where they have faults of their own. */
  readonly options: unknown
}

/** A fault for each claim that another component, or the same one, has made before. */
export function doubleClaims(
  root: YamlMap,
  group: 'sources' | 'destinations',
  components: readonly Claimant[],
): ConfigFault[] {
  const owners = new Map<string, string>()
  const faults: ConfigFault[] = []
  for (const { name, type, options } of components) {
    if (options === undefined) continue
    for (const { path, key } of type.claims?.(options as never) ?? []) {
      const owner = owners.get(key)
      if (owner === undefined) owners.set(key, name)
      else {
        const at = placeOf(root, [group, name, ...path])
        const sentence = `${String(path[0])}: ${owner === name ? 'this stands here twice' : `"${owner}" has this already`}: ${key}`
        faults.push({ code: 'CONFIG_WRONG_VALUE', at, sentence })
      }
    }
  }
  return faults
}
