// The syntax tree of a pattern. Both parsers (extended expressions, fixed strings) build it; the program and the literals are
// derived from it.

import type { CharSet } from './char-set.ts'

/** Zero-width assertions. Lines are also those inside a message of several lines. */
export type Place =
  | 'line-start'
  | 'line-end'
  | 'text-start'
  | 'text-end'
  | 'word-start'
  | 'word-end'
  | 'word-edge'
  | 'no-word-edge'
  | 'no-word-before'
  | 'no-word-after'

export type Node =
  | { readonly kind: 'empty' }
  | { readonly kind: 'set'; readonly set: CharSet }
  | { readonly kind: 'place'; readonly place: Place }
  | { readonly kind: 'sequence'; readonly parts: readonly Node[] }
  | { readonly kind: 'choice'; readonly options: readonly Node[] }
  /** `max` is Infinity if there is no upper bound. */
  | { readonly kind: 'repeat'; readonly part: Node; readonly min: number; readonly max: number }

export const EMPTY: Node = { kind: 'empty' }

/** The same assertion for a program that reads from the end to the start. */
export function mirrored(place: Place): Place {
  return mirrors[place]
}

const mirrors: Record<Place, Place> = {
  'line-start': 'line-end',
  'line-end': 'line-start',
  'text-start': 'text-end',
  'text-end': 'text-start',
  'word-start': 'word-end',
  'word-end': 'word-start',
  'word-edge': 'word-edge',
  'no-word-edge': 'no-word-edge',
  'no-word-before': 'no-word-after',
  'no-word-after': 'no-word-before',
}
