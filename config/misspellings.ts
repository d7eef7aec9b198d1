// Corrects obvious misspellings of keys (which are reported), so that they do not hide other faults.

import { nearest } from '../common/expression/problem.ts'
import { jsonSchemaOf, type ZodType } from '../common/option.ts'
import type { YamlMap } from './yaml.ts'

/** The group with the value of each misspelt key also under the key that was probably meant, unless that key exists. */
export function withKeysCorrected(map: YamlMap, keys: readonly string[]): YamlMap {
  const entries = new Map(map.entries)
  for (const [name, entry] of map.entries) {
    const meant = keys.includes(name) ? undefined : nearest(name, keys)
    if (meant !== undefined && !entries.has(meant)) entries.set(meant, entry)
  }
  return { ...map, entries }
}

/** The keys of a declaration. */
export function keysOf(declaration: ZodType): string[] {
  return Object.keys((jsonSchemaOf(declaration)['properties'] as object | undefined) ?? {})
}

/** The names in a top-level group, such as those of all sources. */
export interface Names {
  readonly known: readonly string[]
  /** Whether there may be others: the group, or a name in it, cannot be read. */
  readonly mayHaveMore: boolean
}

/** The names in the group of a top-level key. */
export function namesBelow(root: YamlMap, key: string): Names {
  const group = root.entries.get(key)?.value
  if (!group) return { known: [], mayHaveMore: root.hasBrokenKey ?? false }
  if (group.kind !== 'map') return { known: [], mayHaveMore: true }
  return { known: [...group.entries.keys()], mayHaveMore: group.hasBrokenKey ?? false }
}
