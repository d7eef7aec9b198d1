// Finds resources that two components of a configuration cannot share: an address to listen on, a file to write. If two destinations
// wrote to the same file, each would cut off the lines of the other after a crash, as its own uncommitted ones.

import type { Claim } from '../common/component.ts'
import type { ConfigFault } from './source-text.ts'
import { offsetOf, type YamlMap } from './yaml.ts'

interface Claimant {
  readonly name: string
  readonly type: { claims?(options: never): readonly Claim[] }
  /** Without those that have a fault. */
  readonly options: unknown
}

interface Claimed {
  readonly owner: string
  readonly claim: Claim
  /** Its number, in the order of the file. */
  readonly order: number
}

/** A fault for each claim that conflicts with an earlier one, of another component or the same. */
export function doubleClaims(
  root: YamlMap,
  group: 'sources' | 'destinations',
  components: readonly Claimant[],
): ConfigFault[] {
  const faults: ConfigFault[] = []
  // The first claims with each key, each meaning, and each key that they are a part of: there may be thousands of claims.
  const first = new Map<string, Claimed>()
  let order = 0
  for (const { name, type, options } of components) {
    for (const claim of type.claims?.(options as never) ?? []) {
      const { key, meaning, partOf = [], path } = claim
      const own = [`key ${key}`, ...(meaning === undefined ? [] : [`meaning ${meaning}`])]
      const conflicting = [...own, `part of ${key}`, ...partOf.map((whole) => `key ${whole}`)]
      const [earlier] = conflicting.flatMap((what) => first.get(what) ?? []).toSorted((a, b) => a.order - b.order)
      const claimed = { owner: name, claim, order }
      order += 1
      for (const what of [...own, ...partOf.map((whole) => `part of ${whole}`)]) {
        if (!first.has(what)) first.set(what, claimed)
      }
      if (!earlier) continue
      const at = offsetOf(root, [group, name, ...path])
      faults.push({
        code: 'CONFIG_WRONG_VALUE',
        at,
        sentence: `${String(path[0])}: ${sentenceOf(claim, name, earlier)}`,
      })
    }
  }
  return faults
}

function sentenceOf({ key, meaning }: Claim, name: string, { owner, claim }: Claimed): string {
  if (claim.key !== key && meaning !== undefined && claim.meaning === meaning) {
    return `${key} fits the same names as ${claim.key} of "${owner}"; use different folders`
  }
  if (claim.key !== key) {
    return `${key} conflicts with ${claim.key}, which ${owner === name ? 'is listed here too' : `"${owner}" has`}`
  }
  return owner === name ? `listed twice: ${key}` : `"${owner}" already has ${key}`
}
