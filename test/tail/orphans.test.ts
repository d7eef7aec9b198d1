// Records of missing files are kept for a limited time, in a limited number, and only once.

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

/** The orphans of a first start; `file(i)` makes a followed file with number i. */
function noOrphans() {
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

test('beyond the limit, the files missing for longest are given up, and their unread bytes are counted', async () => {
  const { clock, metrics, store, orphans, file } = noOrphans()
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

test('a file that has been missing for a week is given up', async () => {
  const { clock, store, orphans, file } = noOrphans()
  orphans.keep(file(1))
  await clock.pass(1)
  orphans.keep(file(2))
  await clock.pass(GONE_FILE_MS)
  orphans.forget()
  expect(streamsOf(orphans.all())).toEqual(['stream 2'])
  expect(streamsOf(store.records())).toEqual(['stream 2'])
})

test('files that were missing and came back leave no memory behind', () => {
  const { orphans, file } = noOrphans()
  const before = Number(queryObjects(Set))
  for (let i = 0; i < 10_000; i += 1) orphans.delete(orphans.keep(file(i)))
  expect(orphans.all()).toEqual([])
  expect(Number(queryObjects(Set)) - before).toBeLessThan(1_000)
})
