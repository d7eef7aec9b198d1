// The newest segments of a spool are missing at a start: what was in them is counted, once.

import { expect, test } from 'vitest'
import { MemoryDisk } from './memory-disk.ts'
import { closed, large, opened, readAll, segmentsOf, takeAll, written } from './surroundings.ts'

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

test.each([1, 2, 3])(
  'spool: the last %i of 3 segments are missing, and their messages are counted once',
  async (count) => {
    const disk = await stopped()
    for (const path of segmentsOf(disk).slice(-count)) disk.files.delete(path)
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
