// Seeds of the long form that were once wrong, so that every run of the tests has them.

import { expect, test, vi } from 'vitest'
import { SimulatedWatch } from './life.ts'
import { wrongOf } from './seeds.ts'

vi.mock(import('../../shipper/tail/watch.ts'), () => ({ FolderWatch: SimulatedWatch }) as never)
// A thread lives in no simulated time: on one processor there is none.
vi.mock(import('node:os'), async (original) => ({ ...(await original()), availableParallelism: () => 1 }))

test.each([
  // The folder of the positions could not be synced when they were first written: they went with their name.
  17_010,
  // The rotated file could not be read at a start, and was taken for another one that had come and gone.
  16_830,
  // A new file was rotated between its opening and the look for what had come before it: it was followed twice.
  5_943, 10_217, 16_478, 18_533, 18_951, 19_824,
  // Nothing could be read at a start (EIO), and what had come and gone behind the file that was found later was not looked for.
  15_903,
  // A relay sent a line again, and in the same frame what its sender had sent again: within one batch nothing told them apart.
  13_461,
  14_750, 18_133,
])('seed %i: every line is stored once, in order', async (seed) => {
  expect(await wrongOf(seed)).toBeUndefined()
})
