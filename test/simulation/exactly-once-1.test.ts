import { vi } from 'vitest'
import { SimulatedWatch } from './life.ts'
import { simulates } from './seeds.ts'

vi.mock(import('../../shipper/tail/watch.ts'), () => ({ FolderWatch: SimulatedWatch }) as never)
// A thread lives in no simulated time: on one processor there is none.
vi.mock(import('node:os'), async (original) => ({ ...(await original()), availableParallelism: () => 1 }))

simulates(0, 4)
