// Splits a batch into parts by run, for several lanes. A part holds only its own runs. It must not name the
// stream ranges of the other runs either, since a receiver treats every range that it is given as stored.

import { releaseBatch, type Batch } from './batch.ts'

/**
 * Writes run i of the batch to lane `assigned[i]`: one part for each lane, or the whole batch if there is only one
 * lane. Resolves when all writes have settled.
 */
export async function writeParts(
  batch: Batch,
  assigned: readonly number[],
  write: (lane: number, part: Batch) => Promise<void>,
): Promise<void> {
  const lanes = [...new Set(assigned)]
  if (lanes.length <= 1) return write(lanes[0] ?? 0, batch)
  await Promise.all(
    lanes.map(async (lane) => {
      const part = partOfRuns(batch, (i) => assigned[i] === lane)
      try {
        await write(lane, part)
      } finally {
        releaseBatch(part)
      }
    }),
  )
}

/** Returns the runs i with `takes(i)` as a batch in the same slab. It retains the slab: release it like any batch. */
function partOfRuns(batch: Batch, takes: (run: number) => boolean): Batch {
  const runs = batch.runs.filter((_, i) => takes(i))
  const count = runs.reduce((sum, run) => sum + run.count, 0)
  const bounds = new Uint32Array(2 * count)
  const marks = batch.marks && new Uint32Array(count)
  let first = 0
  let at = 0
  batch.runs.forEach((run, i) => {
    const end = first + run.count
    if (takes(i)) {
      bounds.set(batch.bounds.subarray(2 * first, 2 * end), 2 * at)
      marks?.set(batch.marks!.subarray(first, end), at)
      at += run.count
    }
    first = end
  })
  batch.slab.retain()
  return { ...batch, bounds, count, runs, ...(marks && { marks }), headers: undefined, defects: undefined }
}
