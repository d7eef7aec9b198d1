// Messages in a damaged part of a spool are waiting until the spool is acknowledged beyond it; then they count as dropped, once.

import { expect, test } from 'vitest'
import { MemoryDisk } from './memory-disk.ts'
import { batchFor, closed, during, FOLDER, opened, readAll, segmentsOf, takeAll, written } from './surroundings.ts'

/** A stopped spool with three messages, of which the second one is damaged. */
async function damaged(): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  const run = await opened(disk)
  await written(run.platform, run.spool, 'one', 'second', 'three')
  await closed(run)
  const { now } = disk.files.get(segmentsOf(disk)[0])!
  now[now.indexOf('second')] ^= 1
  return disk
}

test('spool: damage that is read again after a rejected write is counted once', async () => {
  const { platform, spool } = await opened(await damaged())
  for (const texts of [['one', 'three'], ['three']]) {
    expect(await readAll(spool)).toEqual(texts)
    spool.acknowledge(1)
    expect(await platform.metrics.total('sluice_dropped_total')).toBe(0)
    expect(spool.messages).toBe(2)
    await spool.rewind()
  }
  await takeAll(spool)
  expect(await platform.metrics.total('sluice_dropped_total')).toBe(1)
  expect(spool.messages).toBe(0)
})

test('spool: damage that a process found, but that was not acknowledged, is counted by the next one alone', async () => {
  const disk = await damaged()
  const first = await opened(disk)
  await readAll(first.spool)
  await closed(first)
  const second = await opened(disk)
  await takeAll(second.spool)
  const counts = [first, second].map(({ platform }) => platform.metrics.total('sluice_dropped_total'))
  expect(await Promise.all(counts)).toEqual([0, 1])
})

test('spool: damage inside a group costs no message around it if a later group follows, though nothing says what was synced', async () => {
  const disk = new MemoryDisk()
  const { platform, spool } = await opened(disk)
  await during(platform, Promise.all(['one', 'second', 'three'].map((text) => spool.write(batchFor([text])))))
  await written(platform, spool, 'four')
  disk.files.delete(`${FOLDER}/acknowledged`)
  const { now } = disk.files.get(segmentsOf(disk)[0])!
  now[now.indexOf('second')] ^= 1
  const next = await opened(disk)
  expect(await takeAll(next.spool)).toEqual(['one', 'three', 'four'])
  expect(await next.platform.metrics.total('sluice_dropped_total')).toBe(1)
  expect(await next.platform.metrics.total('sluice_spool_cut_bytes_total')).toBe(0)
})
