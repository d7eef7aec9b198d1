import { expect, test, vi } from 'vitest'
import { SimulatedWatch } from './life.ts'
import { simulates, wrongOf } from './seeds.ts'
import { CUT_CLIENT } from './world.ts'

vi.mock(import('../../shipper/tail/watch.ts'), () => ({ FolderWatch: SimulatedWatch }) as never)
// Worker threads cannot run in simulated time; with one processor the program starts none.
vi.mock(import('node:os'), async (original) => ({ ...(await original()), availableParallelism: () => 1 }))

simulates(0, 4, CUT_CLIENT)

// Seeds that once failed, and are therefore part of every run. Among the causes: a copy that was made before a restart was taken for
// the copy of a later file; a file was truncated while it was being opened; the state that a file had at the start was used again
// after the file was lost (2722); a spool reported as stored what a killed process had not synced (609),
// or, on a full disk, cut off the marks of what it had stored (11264); a file could not be read before it was rotated
// and the program restarted (24432); a file that was known as empty was truncated after a start and before it was read (46237).
test.each([279, 394, 486, 609, 1081, 2185, 2208, 2611, 2722, 3726, 11264, 24432, 46237])(
  'seed %i, with copytruncate: every line is stored once, in order',
  async (seed) => {
    expect(await wrongOf(seed, CUT_CLIENT)).toBeUndefined()
  },
)
