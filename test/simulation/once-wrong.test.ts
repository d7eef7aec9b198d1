// Seeds of the long run that once failed, and are therefore part of every run.

import { expect, test, vi } from 'vitest'
import { SimulatedWatch } from './life.ts'
import { wrongOf } from './seeds.ts'

vi.mock(import('../../shipper/tail/watch.ts'), () => ({ FolderWatch: SimulatedWatch }) as never)
// Worker threads cannot run in simulated time; with one processor the program starts none.
vi.mock(import('node:os'), async (original) => ({ ...(await original()), availableParallelism: () => 1 }))

test.each([
  // The folder of the checkpoint file could not be synced when the file was first written, so a power cut removed the file.
  17_010,
  // A rotated file could not be read at a start, and was taken for another one that had existed only between two looks.
  16_830,
  // A new file was rotated after it was opened and before its predecessors were looked for: it was followed twice.
  5_943, 10_217, 16_478, 18_533, 18_951, 19_824,
  // Nothing could be read at a start (EIO). Generations that were rotated away after the file that was found later were not looked for.
  15_903,
  // A relay repeated a line, and in the same frame a repeat of its own sender: within one batch, repeats were not recognised.
  13_461,
  14_750, 18_133,
  // After a failed sync and a kill, the server told marks that were in the system's cache only, and then lost its power.
  91_082,
])('seed %i: every line is stored once, in order', async (seed) => {
  expect(await wrongOf(seed)).toBeUndefined()
})
