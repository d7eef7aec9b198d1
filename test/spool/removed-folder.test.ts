// Somebody removes the folder of a spool, or files in it, while the program runs.

import { expect, test } from 'vitest'
import type { FakePlatform } from '../fake/platform.ts'
import type { Spool } from '../../common/spool/spool.ts'
import { settle } from '../fake/clock.ts'
import { MemoryDisk } from './memory-disk.ts'
import {
  batchFor,
  closed,
  during,
  FOLDER,
  large,
  opened,
  readAll,
  segmentsOf,
  streamBatch,
  takeAll,
  until,
  written,
} from './surroundings.ts'

const STREAM = 'ab'.repeat(16)
const options = { bytesMax: 1024 * 1024 }

function removeFolder(disk: MemoryDisk): void {
  for (const name of [...disk.files.keys()]) if (name.startsWith(`${FOLDER}/`)) disk.files.delete(name)
}

const dropped = (platform: FakePlatform) => platform.metrics.total('sluice_dropped_total')

test.each(['idle for two seconds', 'in use'])(
  'spool: its folder is removed while it is %s: what was in it is counted, and what comes then is kept',
  async (when) => {
    const disk = new MemoryDisk()
    const run = await opened(disk, options)
    const { platform, spool } = run
    await during(platform, spool.write(streamBatch(STREAM, 0, ['a', 'b'])))
    await written(platform, spool, ...Array.from({ length: 8 }, (_, i) => large(i)))
    removeFolder(disk)
    if (when !== 'in use') {
      await platform.clock.pass(2_000)
      expect(await takeAll(spool)).toEqual([])
      expect(await dropped(platform)).toBe(10)
    }
    await written(platform, spool, 'after')
    expect(segmentsOf(disk)).not.toEqual([])
    expect(await takeAll(spool)).toEqual(['after'])
    expect(await dropped(platform)).toBe(10)
    expect(platform.log.lines.filter(({ text }) => /removed|missing/.test(text)).length).toBeGreaterThan(0)
    await platform.clock.pass(2_000)
    await written(platform, spool, 'last')

    // Everything that is needed is in the new files, also after kill -9.
    const next = await opened(disk.afterKill(), options)
    expect(next.spool.stream).toBe(spool.stream)
    expect(next.spool.positionOf(STREAM)).toBe(2)
    expect(await takeAll(next.spool)).toEqual(['last'])
    expect(await dropped(next.platform)).toBe(0)
  },
)

test('spool: what is written while its folder is removed again and again is read, or counted', async () => {
  const disk = new MemoryDisk()
  const { platform, spool } = await opened(disk, options)
  const total = 200
  let received = 0
  for (let i = 0; i < total; i += 1) {
    const write = spool.write(batchFor([large(i)]))
    for (let step = 0; step < i % 7; step += 1) await settle()
    if (i % 5 === 0) removeFolder(disk)
    await during(platform, write)
    // Nothing is acknowledged that was written into a removed file.
    expect(segmentsOf(disk).length, `message ${i}`).toBeGreaterThan(0)
    if (i % 3 === 0) received += (await takeAll(spool)).length
  }
  await platform.clock.pass(2_000)
  received += (await takeAll(spool)).length
  expect(received).toBeGreaterThan(0)
  expect(received + (await dropped(platform))).toBe(total)
  expect(spool.messages).toBe(0)
})

test('spool: a segment that the reader has open when it is removed is still read', async () => {
  const disk = new MemoryDisk()
  const { platform, spool } = await opened(disk, options)
  await written(platform, spool, 'one')
  expect(await readAll(spool)).toEqual(['one'])
  await written(platform, spool, 'two')
  removeFolder(disk)
  await written(platform, spool, 'three')
  expect(await takeAll(spool)).toEqual(['two', 'three'])
  expect(await dropped(platform)).toBe(0)
})

test.each([
  { what: 'the folder', kept: [] },
  { what: 'all segments', kept: ['acknowledged'] },
])('spool: $what removed shortly before a stop: what was waiting is counted once', async ({ kept }) => {
  const disk = new MemoryDisk()
  const run = await opened(disk, options)
  await written(run.platform, run.spool, ...Array.from({ length: 6 }, (_, i) => large(i)))
  expect(segmentsOf(disk).length).toBe(2)
  for (const name of [...disk.files.keys()]) if (!kept.some((end) => name.endsWith(end))) disk.files.delete(name)
  await closed(run)
  const next = await opened(disk, options)
  const counts = [run, next].map(({ platform }) => dropped(platform))
  expect((await Promise.all(counts)).reduce((sum, count) => sum + count)).toBe(6)
})

test('spool: the oldest segments are removed before a stop: what was waiting in them is counted', async () => {
  const disk = new MemoryDisk()
  const run = await opened(disk, options)
  await written(run.platform, run.spool, ...Array.from({ length: 12 }, (_, i) => large(i)))
  for (const path of segmentsOf(disk).slice(0, 2)) disk.files.delete(path)
  await closed(run)
  expect(await dropped(run.platform)).toBe(8)
  const next = await opened(disk, options)
  expect((await takeAll(next.spool)).length).toBe(4)
  expect(await dropped(next.platform)).toBe(0)
})

test('spool: the file of acknowledged positions is created again', async () => {
  const disk = new MemoryDisk()
  const run: { platform: FakePlatform; spool: Spool } = await opened(disk, options)
  await written(run.platform, run.spool, 'one', 'two')
  await takeAll(run.spool)
  await run.platform.clock.pass(2_000)
  disk.files.delete(`${FOLDER}/acknowledged`)
  await until(run.platform, () => disk.files.has(`${FOLDER}/acknowledged`), 'the file')
  const next = await opened(disk.afterKill(), options)
  expect(next.spool.stream).toBe(run.spool.stream)
  expect(await takeAll(next.spool)).toEqual([])
})
