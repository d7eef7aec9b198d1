// What marks of streams say: which messages of a batch are stored already, and what several sinks have together.

import type { Batch } from './batch.ts'
import type { StreamMarks } from './sink.ts'

/**
 * 1 for each message that ends behind its stream's mark, or has no stream, 0 for the others; undefined where all are new. What a run
 * repeats of one before it in the batch (a relay sends again, and so does who sent to it) is not new either.
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
 * The marks of everything that a source reaches; undefined where nothing durable is among it. A stream is stored up to the
 * minimum over the sinks, and not known at all while one of them does not know it: a sink that was added later, one that was
 * killed before its first commit, or one that keeps no marks. Then the sender goes by what it was told itself, and repeats
 * are left out where they are repeats.
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
