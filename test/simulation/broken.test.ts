// The simulation itself is tried: what would lose or double lines is found within 200 seeds.

import { expect, test, vi } from 'vitest'
import { checkpointBeforeWrite, markApartFromData, syncThatIsNone } from './broken.ts'
import { SimulatedWatch } from './life.ts'
import { wrongOf } from './seeds.ts'
import { EVERYTHING, World } from './world.ts'

vi.mock(import('../../shipper/tail/watch.ts'), () => ({ FolderWatch: SimulatedWatch }) as never)
// A thread lives in no simulated time: on one processor there is none.
vi.mock(import('node:os'), async (original) => ({ ...(await original()), availableParallelism: () => 1 }))

const SEEDS_MAX = 200

test.each([
  ['a checkpoint before its write has settled', checkpointBeforeWrite, /is saved at|is missing/],
  ['a spool that acknowledges what is not synced', syncThatIsNone, /is missing/],
  ['marks that are not in the record of their lines', markApartFromData, /after .* comes/],
])(
  '%s is found within 200 seeds',
  async (_, breakage, sign) => {
    let wrong = ''
    for (let seed = 1; seed <= SEEDS_MAX && !sign.test(wrong); seed += 1)
      wrong = (await wrongOf(seed, EVERYTHING, breakage)) ?? ''
    expect(wrong).toMatch(sign)
  },
  240_000,
)

test('the same seed gives the same story', async () => {
  const stories = [new World(7, EVERYTHING), new World(7, EVERYTHING)]
  for (const world of stories) await world.run()
  expect(stories[0].story).toEqual(stories[1].story)
  expect(stories[0].timeline.steps).toBe(stories[1].timeline.steps)
})
