// Segments of a spool are missing at a start: what was in them is counted, once.

import { expect, test } from 'vitest'
import { SlabPool } from '../../common/pipeline/slab.ts'
import { viewSpool } from '../../common/spool/spool-view.ts'
import { MemoryDisk } from './memory-disk.ts'
import { closed, FOLDER, large, opened, readAll, segmentsOf, takeAll, written } from './surroundings.ts'

const options = { bytesMax: 1024 * 1024 }

/** A stopped spool with three segments of four messages each. */
async function stopped(): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  const run = await opened(disk, options)
  await written(run.platform, run.spool, ...Array.from({ length: 12 }, (_, i) => large(i)))
  await closed(run)
  expect(segmentsOf(disk).length).toBe(3)
  return disk
}

/** What `sluice spool check` would report. */
async function viewedDamage(disk: MemoryDisk): Promise<string[]> {
  const view = (await viewSpool(disk, FOLDER, new SlabPool()))!
  const found: string[] = []
  for await (const segment of view.segments()) {
    for await (const item of segment.items()) if (item.kind === 'damage') found.push(item.reason ?? 'unreadable')
  }
  return found
}

test.each([1, 2, 3])(
  'spool: the last %i of 3 segments are missing, and their messages are counted once',
  async (count) => {
    const disk = await stopped()
    for (const path of segmentsOf(disk).slice(-count)) disk.files.delete(path)
    expect(await viewedDamage(disk)).toEqual([`missing, with ${4 * count} waiting messages up to its end`])
    const first = await opened(disk, options)
    expect((await readAll(first.spool)).length).toBe(12 - 4 * count)
    const counted = await first.platform.metrics.snapshot()
    expect(counted.get('sluice_dropped_total{reason="spool_damaged",where="central"}')).toBe(4 * count)
    expect(first.platform.log.lines.some(({ text }) => text.includes('segments of the spool are missing'))).toBe(true)
    await first.platform.clock.pass(2_000)

    const second = await opened(disk, options)
    await takeAll(second.spool)
    expect(await second.platform.metrics.total('sluice_dropped_total')).toBe(0)
  },
)

test('spool: acknowledged segments that are gone are not missing', async () => {
  const disk = await stopped()
  const run = await opened(disk, options)
  await takeAll(run.spool)
  await closed(run)
  for (const path of segmentsOf(disk)) disk.files.delete(path)
  const { platform } = await opened(disk, options)
  expect(await platform.metrics.total('sluice_dropped_total')).toBe(0)
})

/** A spool with a segment of four messages from a first run, `later` segments of four from a second one, and one from a third. */
async function ofThreeRuns(later: number): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  for (const count of [1, later, 1]) {
    const run = await opened(disk, options)
    await written(run.platform, run.spool, ...Array.from({ length: 4 * count }, (_, i) => large(i)))
    await closed(run)
  }
  expect(segmentsOf(disk).length).toBe(2 + later)
  return disk
}

test.each([
  { gone: [1], why: 'the only one of its run' },
  { gone: [1, 2], why: 'a whole run' },
  { gone: [1], later: 2, why: 'the first of its run' },
  { gone: [2], later: 3, why: 'one in the middle of a run' },
  { gone: [2], later: 2, why: 'the last of its run' },
])('spool: segments in the middle are missing ($why), and their messages are counted once', async (given) => {
  const { gone, later = gone.length } = given
  const missing = gone.length
  const disk = await ofThreeRuns(later)
  const paths = segmentsOf(disk)
  for (const i of gone) disk.files.delete(paths[i])
  const { platform, spool } = await opened(disk, options)
  expect(await viewedDamage(disk)).toEqual([`segments before it are missing, with ${4 * missing} waiting messages`])
  const left = 4 * (paths.length - gone.length)
  expect(spool.messages).toBe(left + 4 * missing)
  expect((await takeAll(spool)).length).toBe(left)
  expect(await platform.metrics.total('sluice_dropped_total')).toBe(4 * missing)
  const line = platform.log.lines.find(({ text }) => text.includes('segments of the spool are missing'))
  expect(line?.values).toMatchObject({ messages: 4 * missing })
  await closed({ platform, spool })

  const second = await opened(disk, options)
  await takeAll(second.spool)
  expect(await second.platform.metrics.total('sluice_dropped_total')).toBe(0)
  expect(await viewedDamage(disk)).toEqual([])
})

test.each([
  { gone: [0], later: 1, why: 'the only one of its run' },
  { gone: [0, 1], later: 2, why: 'of two runs' },
  { gone: [0, 2], later: 2, why: 'and one in the middle' },
])('spool: the oldest segments are missing ($why), and their messages are counted once', async ({ gone, later }) => {
  const disk = await ofThreeRuns(later)
  const paths = segmentsOf(disk)
  for (const i of gone) disk.files.delete(paths[i])
  const damage = await viewedDamage(disk)
  expect(damage[0]).toBe(`segments before it are missing, with ${gone.includes(1) ? 8 : 4} waiting messages`)
  expect(damage.length).toBe(gone.includes(2) ? 2 : 1)
  const { platform, spool } = await opened(disk, options)
  expect((await takeAll(spool)).length).toBe(4 * (paths.length - gone.length))
  expect(await platform.metrics.total('sluice_dropped_total')).toBe(4 * gone.length)
  await closed({ platform, spool })

  const second = await opened(disk, options)
  await takeAll(second.spool)
  expect(await second.platform.metrics.total('sluice_dropped_total')).toBe(0)
})

test('spool: the oldest segments are removed while it is open, and it is killed: their messages are counted', async () => {
  const disk = new MemoryDisk()
  const { platform, spool } = await opened(disk, options)
  await written(platform, spool, ...Array.from({ length: 12 }, (_, i) => large(i)))
  disk.files.delete(segmentsOf(disk)[0])
  const next = await opened(disk.afterKill(), options)
  expect((await takeAll(next.spool)).length).toBe(8)
  expect(await next.platform.metrics.total('sluice_dropped_total')).toBe(4)
})

test('spool: oldest segments that were acknowledged, or dropped for lack of room, are not missing after a kill', async () => {
  const disk = new MemoryDisk()
  const { platform, spool } = await opened(disk, { bytesMax: 256 * 1024, whenFull: 'drop-oldest' })
  let taken = 0
  let before = 0
  for (let i = 0; i < 60; i += 1) {
    await written(platform, spool, large(i))
    if (i % 20 < 5) taken += (await takeAll(spool)).length
    const next = await opened(disk.afterKill(), { bytesMax: 256 * 1024, whenFull: 'drop-oldest' })
    expect(await next.platform.metrics.total('sluice_dropped_total')).toBe(0)
    await readAll(next.spool)
    before = await platform.metrics.total('sluice_dropped_total')
  }
  expect(taken).toBeGreaterThan(0)
  expect(before).toBeGreaterThan(0)
})

test('spool: missing segments whose messages were acknowledged are no damage', async () => {
  const disk = await ofThreeRuns(1)
  const [, middle] = segmentsOf(disk)
  const { platform, spool } = await opened(disk, options)
  const whole = disk.afterKill()
  await takeAll(spool)
  await platform.clock.pass(2_000)
  disk.files.delete(middle)
  expect(await viewedDamage(disk)).toEqual([])
  whole.files.delete(middle)
  expect(await viewedDamage(whole)).not.toEqual([])
})
