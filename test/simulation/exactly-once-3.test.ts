import { vi } from 'vitest'
import { SimulatedWatch } from './life.ts'
import { simulates } from './seeds.ts'

vi.mock(import('../../shipper/tail/watch.ts'), () => ({ FolderWatch: SimulatedWatch }) as never)

simulates(2, 4)
