/**
 * The targets to connect to, in the order in which to try them this time. `turn` is the number of consecutive connections that were of no
 * use; the target of the last one is tried last.
 */
export function inTurn<Target>(targets: readonly Target[], turn: number): Target[] {
  const first = turn % targets.length
  return [...targets.slice(first), ...targets.slice(0, first)]
}
