// What a configuration with slips in it was to say, as far as that is plain: so that one slip hides no other.

import { nearest } from '../common/expression/problem.ts'
import { jsonSchemaOf, type ZodType } from '../common/option.ts'
import type { YamlMap } from './yaml.ts'

/** The group, with what stands under a misspelt key also under the one that was meant, where that is not there itself. */
export function asMeant(map: YamlMap, keys: readonly string[]): YamlMap {
  const entries = new Map(map.entries)
  for (const [name, entry] of map.entries) {
    const meant = keys.includes(name) ? undefined : nearest(name, keys)
    if (meant !== undefined && !entries.has(meant)) entries.set(meant, entry)
  }
  return { ...map, entries }
}

/** The keys that a declaration knows. */
export function keysOf(declaration: ZodType): string[] {
  return Object.keys((jsonSchemaOf(declaration)['properties'] as object | undefined) ?? {})
}

/** The names below a key of the top. */
export interface Names {
  readonly known: readonly string[]
  /** There may be others: the group, or a name in it, is no YAML or no group. */
  readonly mayHaveMore: boolean
}

/** The names below a key of the top. */
export function namesBelow(root: YamlMap, key: string): Names {
  const group = root.entries.get(key)?.value
  if (!group) return { known: [], mayHaveMore: root.hasBrokenKey ?? false }
  if (group.kind !== 'map') return { known: [], mayHaveMore: true }
  return { known: [...group.entries.keys()], mayHaveMore: group.hasBrokenKey ?? false }
}
