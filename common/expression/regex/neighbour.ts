// The two characters on both sides of a place in a text, which decide whether an assertion holds there. Reading backwards, the
// character that was read comes after the place; then assertions are mirrored (`syntax.ts`), and everything here is the same.

import type { Place } from './syntax.ts'

// Flags of a neighbour. The start and the end of the text are those of a line, too.
export const NO_CHARACTER = 1
export const LINE_FEED = 2
export const WORD_CHARACTER = 4
export const TEXT_EDGE = NO_CHARACTER | LINE_FEED

/** The flags of the neighbour that was read which these assertions need. */
export function flagsBefore(places: readonly Place[]): number {
  let flags = 0
  for (const place of places) {
    if (place === 'line-start') flags |= LINE_FEED
    else if (place === 'text-start') flags |= NO_CHARACTER
    else if (place.includes('word')) flags |= WORD_CHARACTER
  }
  return flags
}

/** Whether an assertion holds between two neighbours, `before` being the one that was read. */
export function isAt(place: Place, before: number, after: number): boolean {
  const wordBefore = (before & WORD_CHARACTER) !== 0
  const wordAfter = (after & WORD_CHARACTER) !== 0
  switch (place) {
    case 'line-start':
      return (before & LINE_FEED) !== 0
    case 'line-end':
      return (after & LINE_FEED) !== 0
    case 'text-start':
      return (before & NO_CHARACTER) !== 0
    case 'text-end':
      return (after & NO_CHARACTER) !== 0
    case 'word-start':
      return !wordBefore && wordAfter
    case 'word-end':
      return wordBefore && !wordAfter
    case 'word-edge':
      return wordBefore !== wordAfter
    case 'no-word-edge':
      return wordBefore === wordAfter
    case 'no-word-before':
      return !wordBefore
    case 'no-word-after':
      return !wordAfter
  }
}
