import { expect, test, vi } from 'vitest'
import { SimulatedWatch } from './life.ts'
import { simulates, wrongOf } from './seeds.ts'
import { ROUGH_CLIENT } from './world.ts'

vi.mock(import('../../shipper/tail/watch.ts'), () => ({ FolderWatch: SimulatedWatch }) as never)
// A thread lives in no simulated time: on one processor there is none.
vi.mock(import('node:os'), async (original) => ({ ...(await original()), availableParallelism: () => 1 }))

simulates(0, 4, ROUGH_CLIENT)

// Once wrong, so that every run of the tests has them: what had come and gone, and could not be looked for yet or not be read (EIO),
// was forgotten by a restart; a file that was rotated as it was opened again was taken for its own copy, made before it was cut.
test.each([61, 323, 487, 1125, 1463, 1828, 1848])('seed %i: every line is stored once, in order', async (seed) => {
  expect(await wrongOf(seed, ROUGH_CLIENT)).toBeUndefined()
})
