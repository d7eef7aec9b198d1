// A platform of fakes, on a disk of the test's choice.

import { systemDisk, type Disk } from '../../common/disk.ts'
import { createMetrics } from '../../common/metric.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'
import { NO_INSTANCE, type Platform } from '../../common/platform.ts'
import { systemRandom } from '../../common/random.ts'
import { FakeClock } from './clock.ts'
import { fakeLog } from './log.ts'

export function fakePlatform(disk: Disk = systemDisk) {
  const platform = {
    ...{ clock: new FakeClock(), log: fakeLog(), metrics: createMetrics(), slabs: new SlabPool() },
    ...{ disk, random: systemRandom, instance: NO_INSTANCE },
  }
  return platform as typeof platform & Platform
}

export type FakePlatform = ReturnType<typeof fakePlatform>
