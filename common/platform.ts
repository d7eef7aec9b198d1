// What components use instead of the operating system: the interfaces that a simulation replaces.

import { systemClock, type Clock } from './clock.ts'
import { systemDisk, type Disk } from './disk.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metric.ts'
import { systemNet } from './net/system-net.ts'
import type { Net } from './net/net.ts'
import { SlabPool } from './pipeline/slab.ts'
import { systemRandom, type Random } from './random.ts'

export interface Platform {
  readonly clock: Clock
  readonly disk: Disk
  readonly net: Net
  readonly random: Random
  readonly log: Log
  readonly metrics: Metrics
  /** The id of the running instance (`instance.ts`); `NO_INSTANCE` if there is no data folder. */
  readonly instance: string
  /** Shared by all sources of the process. */
  readonly slabs: SlabPool
}

export const NO_INSTANCE = '0'.repeat(32)

/** The real platform, without an instance. */
export function systemPlatform(log: Log, metrics: Metrics): Platform {
  return {
    ...{ clock: systemClock, disk: systemDisk, net: systemNet, random: systemRandom },
    ...{ log, metrics, instance: NO_INSTANCE, slabs: new SlabPool() },
  }
}
