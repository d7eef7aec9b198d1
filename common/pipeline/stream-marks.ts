// Stream marks of several sinks behind one: what all of them have is what the one has.

import type { StreamMarks } from './sink.ts'

/**
 * The marks of everything durable that a source reaches; undefined where nothing is. A stream is stored up to the minimum
 * over the sinks that know it: one that was added later does not, and `join` has it begin where the source is now.
 */
export function marksOfAll(sinks: readonly StreamMarks[]): StreamMarks | undefined {
  if (sinks.length <= 1) return sinks[0]
  return {
    async marks(ids) {
      const lowest = new Map<string, number>()
      for (const marks of await Promise.all(sinks.map((sink) => sink.marks(ids)))) {
        for (const [id, position] of marks) lowest.set(id, Math.min(position, lowest.get(id) ?? position))
      }
      return lowest
    },
    async join(begins) {
      await Promise.all(sinks.map((sink) => sink.join(begins)))
    },
    async retire(ids) {
      await Promise.all(sinks.map((sink) => sink.retire(ids)))
    },
  }
}
