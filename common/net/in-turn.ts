/**
 * Places to connect to, in the order in which they are to be tried this time: `turn` is how many connections in a row were made and
 * were of no use, and the place that the last of them led to is tried behind the others.
 */
export function inTurn<Place>(places: readonly Place[], turn: number): Place[] {
  const first = turn % places.length
  return [...places.slice(first), ...places.slice(0, first)]
}
