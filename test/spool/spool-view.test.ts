// The read-only view of a spool: it sees what recovery at a start would see, and changes nothing.

import { expect, test } from 'vitest'
import { releaseBatch } from '../../common/pipeline/batch.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'
import { viewSpool } from '../../common/spool/spool-view.ts'
import { textsOf } from '../fake/sink.ts'
import { fakePlatform } from '../fake/platform.ts'
import { MemoryDisk } from './memory-disk.ts'
import { batchFor, during, FOLDER, large, opened, readAll, spoolOn, takeAll, written } from './surroundings.ts'

/** A spool that is open for writing, with each of these messages in a group of its own. */
async function writing(disk: MemoryDisk, texts: readonly string[]) {
  const running = await opened(disk, { bytesMax: 1024 * 1024 })
  await written(running.platform, running.spool, ...texts)
  return running
}

/** All items of all segments: the texts of a record, or the kind of a gap. */
async function seen(disk: MemoryDisk): Promise<string[]> {
  const slabs = new SlabPool()
  const view = (await viewSpool(disk, FOLDER, slabs))!
  const items: string[] = []
  for await (const segment of view.segments()) {
    for await (const item of segment.items()) {
      if (item.kind !== 'record') {
        items.push(item.kind)
        continue
      }
      const batch = item.batch()
      items.push(...textsOf(batch).map((text) => text.split(' ')[0]))
      releaseBatch(batch)
    }
  }
  expect(slabs.bytesOut).toBe(0)
  return items
}

const newest = (disk: MemoryDisk) =>
  [...disk.files.keys()]
    .filter((name) => name.endsWith('.spool'))
    .sort()
    .at(-1)!

test('view: shows every record while the spool is being written, and changes nothing', async () => {
  const disk = new MemoryDisk()
  await writing(disk, ['1', '2', large('3'), large('4'), large('5'), '6'])
  const { operations } = disk
  expect(await seen(disk)).toEqual(['1', '2', '3', '4', '5', '6'])
  expect(disk.operations).toBe(operations)
})

test('view: any part of a write in progress is shown as unfinished, not as damage', async () => {
  const disk = new MemoryDisk()
  await writing(disk, ['1', '2'])
  const inode = disk.files.get(newest(disk))!
  const whole = inode.now
  const second = whole.lastIndexOf('SPR1')
  for (const end of [second + 1, second + 30, whole.length - 1]) {
    inode.now = whole.subarray(0, end)
    expect(await seen(disk)).toEqual(['1', 'unfinished'])
  }
  // A file that has just been created and is still empty.
  inode.now = Buffer.alloc(0)
  expect(await seen(disk)).toEqual([])
})

test('view: unreadable bytes before a later group, or in an older segment, are damage', async () => {
  const disk = new MemoryDisk()
  await writing(disk, ['first', 'second', 'third'])
  const { now } = disk.files.get(newest(disk))!
  now[now.indexOf('second')] ^= 1
  expect(await seen(disk)).toEqual(['first', 'damage', 'third'])

  const other = new MemoryDisk()
  await writing(other, [large('1'), large('2'), large('3'), large('4'), '5'])
  const [oldest] = [...other.files.keys()].filter((name) => name.endsWith('.spool')).sort()
  const inode = other.files.get(oldest)!
  inode.now = inode.now.subarray(0, -1)
  const items = await seen(other)
  expect(items).toContain('damage')
  expect(items).not.toContain('unfinished')
  expect(items.at(-1)).toBe('5')
})

test('view: a segment that the daemon removes meanwhile is skipped', async () => {
  const disk = new MemoryDisk()
  await writing(disk, [large('1'), large('2'), large('3'), large('4'), '5'])
  const view = (await viewSpool(disk, FOLDER, new SlabPool()))!
  const [oldest] = [...disk.files.keys()].filter((name) => name.endsWith('.spool')).sort()
  disk.files.delete(oldest)
  const paths: string[] = []
  for await (const { path } of view.segments()) paths.push(path)
  expect(paths.length).toBeGreaterThan(0)
  expect(paths).not.toContain(oldest)
})

test('view: shows the acknowledged position', async () => {
  const disk = new MemoryDisk()
  const { platform, spool } = await writing(disk, ['1', '2', '3'])
  await readAll(spool)
  spool.acknowledge(2)
  await platform.clock.pass(2_000)
  expect(await viewSpool(disk, FOLDER, new SlabPool())).toMatchObject({ acknowledged: 2 })
  expect(await viewSpool(disk, '/data/spool/other', new SlabPool())).toBeUndefined()
})

test('view: the acknowledged messages of a record can be left out', async () => {
  const disk = new MemoryDisk()
  const { platform, spool } = await opened(disk)
  await during(platform, spool.write(batchFor(['1', '2', '3'])))
  const view = (await viewSpool(disk, FOLDER, new SlabPool()))!
  const seen: string[][] = []
  for await (const segment of view.segments()) {
    for await (const item of segment.items()) {
      if (item.kind !== 'record') continue
      for (const mark of [undefined, 2]) {
        const batch = item.batch(mark)
        seen.push(textsOf(batch))
        releaseBatch(batch)
      }
    }
  }
  expect(seen).toEqual([['1', '2', '3'], ['3']])
})

test('view: a spool torn at any byte looks as recovery would leave it, and has no damage', async () => {
  for (const texts of [
    ['1', '2', '3'],
    [large('1'), large('2'), large('3'), large('4'), '5'],
  ]) {
    const disk = new MemoryDisk()
    await writing(disk, texts)
    const name = newest(disk)
    const whole = disk.files.get(name)!.now
    const garbage = Buffer.from(whole.subarray(0, 700)).reverse()
    for (let end = 0; end < whole.length; end += end < 700 ? 1 : 997) {
      for (const tail of [Buffer.alloc(0), Buffer.alloc(700), garbage]) {
        disk.files.get(name)!.now = Buffer.concat([whole.subarray(0, end), tail])
        const items = await seen(disk)
        expect(items, `torn at ${end}`).not.toContain('damage')
        const copy = disk.afterPowerCut(() => 0)
        const after = spoolOn(fakePlatform(copy), { bytesMax: 1024 * 1024 })
        await after.open()
        const read = await readAll(after)
        await after.close()
        expect(
          items.filter((item) => item !== 'unfinished'),
          `torn at ${end}`,
        ).toEqual(read.map((text) => text.split(' ')[0]))
        expect(await seen(copy), `torn at ${end}, after a start`).toEqual(items.filter((item) => item !== 'unfinished'))
      }
    }
  }
})

test('view: missing or unreadable bytes of a cleanly stopped spool are damage, whose messages a start counts', async () => {
  const texts = ['1', '2', '3']
  const disk = new MemoryDisk()
  const { spool } = await writing(disk, texts)
  await spool.close()
  const name = newest(disk)
  const whole = disk.files.get(name)!.now
  const garbage = Buffer.from(whole.map((byte) => byte ^ 0xff))
  for (let end = 0; end < whole.length; end += 1) {
    // A segment that ends with its head is not damage: on a full disk, an acknowledged segment is cut to its head.
    if (end === whole.indexOf('SPR1')) continue
    for (const tail of [Buffer.alloc(0), Buffer.alloc(30), garbage]) {
      if (tail === garbage) garbage[0] = whole[end] ^ 0xff
      disk.files.get(name)!.now = Buffer.concat([whole.subarray(0, end), tail])
      const items = await seen(disk)
      expect(items, `torn at ${end}`).toContain('damage')
      expect(items.includes('unfinished'), `torn at ${end}`).toBe(end + tail.length > whole.length)
      const copy = disk.afterPowerCut(() => 0)
      const platform = fakePlatform(copy)
      const after = spoolOn(platform, { bytesMax: 1024 * 1024 })
      await after.open()
      const read = await takeAll(after)
      await after.close()
      expect(
        items.filter((item) => texts.includes(item)),
        `torn at ${end}`,
      ).toEqual(read)
      expect((await platform.metrics.total('sluice_dropped_total')) + read.length, `torn at ${end}`).toBe(3)
      expect(await seen(copy), `torn at ${end}, after a start`).toContain('damage')
    }
  }
})
