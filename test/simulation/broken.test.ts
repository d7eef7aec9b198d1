// Tests of the simulation itself: it finds bugs that lose or double lines within 200 seeds, and it is deterministic.

import { expect, test, vi } from 'vitest'
import { checkpointBeforeWrite, marksApartFromData, syncWithoutEffect } from './broken.ts'
import { SimulatedWatch } from './life.ts'
import { wrongOf } from './seeds.ts'
import { EVERYTHING, POWER_CUTS, World } from './world.ts'

vi.mock(import('../../shipper/tail/watch.ts'), () => ({ FolderWatch: SimulatedWatch }) as never)
// Worker threads cannot run in simulated time; with one processor the program starts none.
vi.mock(import('node:os'), async (original) => ({ ...(await original()), availableParallelism: () => 1 }))

const SEEDS_MAX = 200

test.each([
  ['a checkpoint before its write has settled', checkpointBeforeWrite, EVERYTHING, /is saved at|is missing/],
  ['a spool that acknowledges data that is not synced', syncWithoutEffect, POWER_CUTS, /is missing/],
  ['marks that are not committed together with their lines', marksApartFromData, EVERYTHING, /after .* comes/],
])('%s is found within 200 seeds', async (_, breakage, faults, sign) => {
  let wrong = ''
  for (let seed = 1; seed <= SEEDS_MAX && !sign.test(wrong); seed += 1)
    wrong = (await wrongOf(seed, faults, breakage)) ?? ''
  expect(wrong).toMatch(sign)
})

test('the same seed gives the same sequence of events', async () => {
  const stories = [new World(7, EVERYTHING), new World(7, EVERYTHING)]
  for (const world of stories) await world.run()
  expect(stories[0].story).toEqual(stories[1].story)
  expect(stories[0].timeline.steps).toBe(stories[1].timeline.steps)
})
