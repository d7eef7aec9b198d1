// The surroundings that the suites give every implementation: the real clock and disk, a network in memory, a folder per test.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import type { ComponentContext } from '../../common/component.ts'
import { systemDisk } from '../../common/disk.ts'
import { utc } from '../../common/message/zone.ts'
import { createMetrics } from '../../common/metric.ts'
import { NO_INSTANCE } from '../../common/platform.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'
import { systemRandom } from '../../common/random.ts'
import { fakeLog } from '../fake/log.ts'
import { FakeNet } from '../fake/net.ts'

export const DEADLINE_MS = 20_000

export function suitePlatform() {
  const seams = { clock: systemClock, disk: systemDisk, net: new FakeNet(), random: systemRandom }
  return { ...seams, log: fakeLog(), metrics: createMetrics(), instance: NO_INSTANCE, slabs: new SlabPool() }
}

export type SuitePlatform = ReturnType<typeof suitePlatform>

export function contextOf(name: string, platform: SuitePlatform, dataFolder: string): ComponentContext {
  return { name, platform, dataFolder, hostName: 'here', messageBytesMax: 1024 * 1024, localZone: utc }
}

/** A new folder, which is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-conformance-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
