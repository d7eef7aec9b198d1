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

/** A fault for each claim that conflicts with an earlier one, of another component or the same. */
export function doubleClaims(
  root: YamlMap,
  group: 'sources' | 'destinations',
  components: readonly Claimant[],
): ConfigFault[] {
  const before: { owner: string; claim: Claim }[] = []
  const faults: ConfigFault[] = []
  for (const { name, type, options } of components) {
    for (const claim of type.claims?.(options as never) ?? []) {
      const earlier = before.find((other) => collide(other.claim, claim))
      before.push({ owner: name, claim })
      if (!earlier) continue
      const { path } = claim
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

function collide(a: Claim, b: Claim): boolean {
  const isSame = a.key === b.key || (a.meaning !== undefined && a.meaning === b.meaning)
  return isSame || (a.partOf?.includes(b.key) ?? false) || (b.partOf?.includes(a.key) ?? false)
}

function sentenceOf({ key, meaning }: Claim, name: string, { owner, claim }: { owner: string; claim: Claim }): string {
  if (claim.key !== key && meaning !== undefined && claim.meaning === meaning) {
    return `${key} fits the same names as ${claim.key} of "${owner}"; use different folders`
  }
  if (claim.key !== key) {
    return `${key} conflicts with ${claim.key}, which ${owner === name ? 'is listed here too' : `"${owner}" has`}`
  }
  return owner === name ? `listed twice: ${key}` : `"${owner}" already has ${key}`
}
