// Some of the runs of a batch, as a batch of their own. The others leave nothing behind: no range either, since a receiver that
// is told of a stream's range takes it for stored.

import type { Batch } from '../../common/pipeline/batch.ts'

/** The runs i with `takes(i)`, in the same slab. It holds the slab: release it like any batch. */
export function partOfRuns(batch: Batch, takes: (run: number) => boolean): Batch {
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
  return { slab: batch.slab, bounds, count, received: batch.received, runs, ...(marks && { marks }) }
}
