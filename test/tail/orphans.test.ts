// What is known of files that are out of sight: for a while, of so many, and of none of them twice.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { queryObjects } from 'node:v8'
import { expect, onTestFinished, test } from 'vitest'
import { systemDisk } from '../../common/disk.ts'
import { GONE_FILES_MAX, GONE_FILE_MS } from '../../common/limits.ts'
import { createMetrics } from '../../common/metric.ts'
import { systemRandom } from '../../common/random.ts'
import { FollowedFile } from '../../shipper/tail/followed-file.ts'
import { Orphans } from '../../shipper/tail/orphans.ts'
import { PositionStore } from '../../shipper/tail/position-store.ts'
import { FakeClock } from '../fake/clock.ts'
import { fakeLog } from '../fake/log.ts'

const NOTHING = Buffer.alloc(0)

/** Orphans of a first start, and the files numbered as they are asked for. */
function orphanage() {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-orphans-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const clock = new FakeClock()
  const metrics = createMetrics()
  const platform = { disk: systemDisk, random: systemRandom, log: fakeLog(), instance: 'one', clock, metrics }
  const store = new PositionStore(join(folder, 'positions'), platform)
  const orphans = new Orphans(store, 'logs', platform)
  const file = (i: number) => {
    const times = { size: 0, modifiedMs: 0, changedMs: 0 }
    const stat = { kind: 'file', device: 1n, inode: BigInt(i), links: 1, mode: 0o644, ...times } as const
    const from = { stream: `stream ${i}`, stat, path: `/logs/${i}.log`, position: 0 }
    return new FollowedFile(from, NOTHING, NOTHING)
  }
  return { clock, metrics, store, orphans, file }
}

const streamsOf = (records: readonly { readonly stream: string }[]) => records.map(({ stream }) => stream)

test('of too many files that are out of sight, those that have been so for longest are let go of; what was unread of them is counted', async () => {
  const { clock, metrics, store, orphans, file } = orphanage()
  orphans.keep(file(0), 17)
  orphans.keep(file(1))
  await clock.pass(1000)
  for (let i = 2; i < GONE_FILES_MAX; i += 1) orphans.keep(file(i))
  orphans.forget()
  expect(orphans.all().length).toBe(GONE_FILES_MAX)
  await clock.pass(1000)
  orphans.keep(file(GONE_FILES_MAX))
  orphans.forget()
  expect(orphans.all().length).toBe(GONE_FILES_MAX)
  expect(streamsOf(store.records()).slice(0, 2)).toEqual(['stream 1', 'stream 2'])
  expect(await metrics.total('sluice_unread_bytes_total')).toBe(17)
})

test('what was out of sight for a week is let go of', async () => {
  const { clock, store, orphans, file } = orphanage()
  orphans.keep(file(1))
  await clock.pass(1)
  orphans.keep(file(2))
  await clock.pass(GONE_FILE_MS)
  orphans.forget()
  expect(streamsOf(orphans.all())).toEqual(['stream 2'])
  expect(streamsOf(store.records())).toEqual(['stream 2'])
})

test('files that were out of sight and came back, or were let go of, leave nothing behind', () => {
  const { orphans, file } = orphanage()
  const before = Number(queryObjects(Set))
  for (let i = 0; i < 10_000; i += 1) orphans.delete(orphans.keep(file(i)))
  expect(orphans.all()).toEqual([])
  expect(Number(queryObjects(Set)) - before).toBeLessThan(1_000)
})
