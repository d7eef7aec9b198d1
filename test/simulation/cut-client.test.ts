import { expect, test, vi } from 'vitest'
import { SimulatedWatch } from './life.ts'
import { simulates, wrongOf } from './seeds.ts'
import { CUT_CLIENT } from './world.ts'

vi.mock(import('../../shipper/tail/watch.ts'), () => ({ FolderWatch: SimulatedWatch }) as never)
// A thread lives in no simulated time: on one processor there is none.
vi.mock(import('node:os'), async (original) => ({ ...(await original()), availableParallelism: () => 1 }))

simulates(0, 4, CUT_CLIENT)

// Once wrong, so that every run of the tests has them: what had been copied before a restart was taken for the copy of what came behind
// it, a file was cut as it was opened, what was known of a file at the start came back once it was lost (2722), and a buffer said of what a killed process had not synced that it was stored (609).
test.each([279, 394, 486, 609, 1081, 2185, 2208, 2611, 2722, 3726])(
  'seed %i: every line is stored once, in order',
  async (seed) => {
    expect(await wrongOf(seed, CUT_CLIENT)).toBeUndefined()
  },
)
