import { vi } from 'vitest'
import { SimulatedWatch } from './life.ts'
import { simulates } from './seeds.ts'
import { POWER_CUTS } from './world.ts'

vi.mock(import('../../shipper/tail/watch.ts'), () => ({ FolderWatch: SimulatedWatch }) as never)
// Worker threads cannot run in simulated time; with one processor the program starts none.
vi.mock(import('node:os'), async (original) => ({ ...(await original()), availableParallelism: () => 1 }))

simulates(0, 4, POWER_CUTS)
