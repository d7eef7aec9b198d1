// Evaluates the marks of streams: which messages of a batch are already stored, and up to where several sinks have
// stored a stream.

import { STREAM_MARKS_MAX } from '../limits.ts'
import type { Batch } from './batch.ts'
import type { StreamMarks } from './sink.ts'

/**
 * Returns 1 for each message that ends after its stream's mark or has no stream, and 0 for the others; undefined if
 * all messages are new. A message that repeats an earlier run of the same batch is not new either (a relay resends,
 * and so does the sender before it).
 */
export function freshMessages(batch: Batch, markOf: (id: string) => number | undefined): Uint8Array | undefined {
  let fresh: Uint8Array | undefined
  const moved = batch.runs.length > 1 ? new Map<string, number>() : undefined
  let first = 0
  for (const { count, stream } of batch.runs) {
    if (stream) {
      const mark = moved?.get(stream.id) ?? markOf(stream.id) ?? 0
      if (mark > stream.from) {
        fresh ??= new Uint8Array(batch.count).fill(1)
        for (let i = 0; i < count; i += 1) if (stream.from + stream.ends[i] <= mark) fresh[first + i] = 0
      }
      moved?.set(stream.id, Math.max(mark, stream.to))
    }
    first += count
  }
  return fresh
}

/**
 * The combined marks of the sinks that a source reaches; undefined if none of them is durable. A stream is stored up
 * to the minimum over the sinks. It is not known at all while one of them does not know it: a sink that was added
 * later, that was killed before its first commit, or that keeps no marks. Then the source uses its own checkpoint,
 * and each sink skips the repeats.
 */
export function marksOfAll(sinks: readonly (StreamMarks | undefined)[]): StreamMarks | undefined {
  const keepers = sinks.filter((sink) => sink !== undefined)
  if (sinks.length <= 1 || keepers.length === 0) return keepers[0]
  return {
    async marks(ids) {
      if (keepers.length < sinks.length) return new Map()
      const told = await Promise.all(keepers.map((sink) => sink.marks(ids)))
      const lowest = new Map<string, number>()
      for (const id of ids) {
        const positions = told.map((marks) => marks.get(id) ?? UNKNOWN)
        const position = Math.min(...positions)
        if (position !== UNKNOWN) lowest.set(id, position)
      }
      return lowest
    },
    async retire(ids) {
      await Promise.all(keepers.map((sink) => sink.retire(ids)))
    },
  }
}

const UNKNOWN = -1

/** The positions of these streams, out of the marks of all; unknown streams are left out. */
export function positionsOf(
  ids: readonly string[],
  markOf: (id: string) => { readonly position: number } | undefined,
): Map<string, number> {
  const positions = new Map<string, number>()
  for (const id of ids) {
    const mark = markOf(id)
    if (mark) positions.set(id, mark.position)
  }
  return positions
}

/**
 * If there are more than `max` marks, forgets those that would expire first, down to three quarters of it; of those that would expire
 * together, the first in the map. Returns how many.
 */
export function forgetSurplus(marks: Map<string, { readonly until: number }>, max: number = STREAM_MARKS_MAX): number {
  if (marks.size <= max) return 0
  const surplus = marks.size - Math.floor((3 * max) / 4)
  const byEnd = [...marks].sort(([, one], [, other]) => one.until - other.until)
  for (const [id] of byEnd.slice(0, surplus)) marks.delete(id)
  return surplus
}

/** Logged with the number of streams that were forgotten. */
export const FORGETS_STREAMS =
  'too many incoming streams: those that have been silent for longest are forgotten, and what is sent again of them is stored twice'
