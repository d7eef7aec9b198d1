/**
 * The places to connect to, in the order in which to try them this time. `turn` is the number of consecutive connections that were of no
 * use; the place of the last one is tried last.
 */
export function inTurn<Place>(places: readonly Place[], turn: number): Place[] {
  const first = turn % places.length
  return [...places.slice(first), ...places.slice(0, first)]
}
