// A full spool, a full disk, a failing disk: the spool makes writers wait or drops messages, logs and counts it, and recovers.

import { expect, test } from 'vitest'
import type { SpoolOptions } from '../../common/spool/spool-options.ts'
import { MemoryDisk, systemError } from './memory-disk.ts'
import { batchFor, during, FOLDER, large, opened, readAll, spoolOn, streamBatch, until } from './surroundings.ts'

const KiB = 1024
const bytesMax = 1024 * KiB

const numbersOf = (texts: readonly string[]) => texts.map((text) => Number(text.split(' ')[0]))

const segmentBytes = (disk: MemoryDisk) => {
  return [...disk.files].reduce((sum, [name, { now }]) => sum + (name.endsWith('.spool') ? now.length : 0), 0)
}

/** A disk whose free space does not show that it is full, as with a quota. */
function diskWithQuota(bytes: number): MemoryDisk {
  const disk = new MemoryDisk()
  disk.capacity = bytes
  disk.freeBytes = () => Promise.resolve(1e12)
  return disk
}

async function openedSmall(disk: MemoryDisk, options: Partial<SpoolOptions> = {}) {
  const { platform, spool } = await opened(disk, { bytesMax, ...options })
  const settled: number[] = []
  const write = (number: number, text: string = large(number)) => {
    const done = spool.write(batchFor([text])).then(() => void settled.push(number))
    done.catch(() => {})
    return done
  }
  const said = (text: string) => platform.log.lines.some((line) => line.level === 'warn' && line.text.includes(text))
  return { platform, spool, settled, write, said }
}

test('block: a full spool makes writers wait, logs that, and never exceeds its maximum size', async () => {
  const disk = new MemoryDisk()
  const { platform, spool, settled, write, said } = await openedSmall(disk)
  for (let i = 0; i < 100; i += 1) void write(i)
  await platform.clock.pass(10_000)
  expect(settled.length).toBeGreaterThan(40)
  expect(settled.length).toBeLessThan(53)
  expect(segmentBytes(disk)).toBeLessThanOrEqual(bytesMax)
  expect(said('the spool is full')).toBe(true)

  const read: string[] = []
  while (read.length < 100) {
    read.push(...(await readAll(spool)))
    spool.acknowledge(spool.handedOut)
    await platform.clock.pass(5)
  }
  expect(numbersOf(read)).toEqual(Array.from({ length: 100 }, (_, i) => i))
  expect(await platform.metrics.total('sluice_dropped_total')).toBe(0)
})

test('block: a batch larger than the spool is accepted when the spool is empty', async () => {
  const { platform, spool, settled, write } = await openedSmall(new MemoryDisk())
  await during(platform, write(1))
  void write(2, `2 ${'x'.repeat(2 * bytesMax)}`)
  void write(3)
  await platform.clock.pass(3_000)
  expect(settled).toEqual([1])
  await readAll(spool)
  spool.acknowledge(spool.handedOut)
  await until(platform, () => settled.length === 2, 'the large one')
  expect(numbersOf(await readAll(spool))).toEqual([2])
  spool.acknowledge(spool.handedOut)
  await until(platform, () => settled.length === 3, 'the last one')
  expect(numbersOf(await readAll(spool))).toEqual([3])
})

test('drop-oldest: every message is read or counted as dropped, the newest are read, and writers never wait', async () => {
  const disk = new MemoryDisk()
  const { platform, spool, settled, write, said } = await openedSmall(disk, { whenFull: 'drop-oldest' })
  for (let i = 0; i < 200; i += 1) void write(i)
  await until(platform, () => settled.length === 200, 'all writes')
  expect(segmentBytes(disk)).toBeLessThanOrEqual(bytesMax)
  const read = numbersOf(await readAll(spool))
  const dropped = await platform.metrics.total('sluice_dropped_total')
  expect(read.length + dropped).toBe(200)
  expect(read).toEqual(Array.from({ length: read.length }, (_, i) => 200 - read.length + i))
  expect(read.length).toBeGreaterThan(40)
  expect(said('oldest messages are dropped')).toBe(true)
})

test('drop-oldest: messages in flight while their segment is dropped are counted only if they do not arrive', async () => {
  for (const arrives of [true, false]) {
    const { platform, spool, settled, write } = await openedSmall(new MemoryDisk(), { whenFull: 'drop-oldest' })
    for (let i = 0; i < 20; i += 1) void write(i)
    await until(platform, () => settled.length === 20, 'the first writes')
    expect(await readAll(spool)).toHaveLength(20)
    const { handedOut } = spool
    for (let i = 20; i < 120; i += 1) void write(i)
    await until(platform, () => settled.length === 120, 'the others')
    if (arrives) spool.acknowledge(handedOut)
    await spool.rewind()
    const rest = await readAll(spool)
    const dropped = await platform.metrics.total('sluice_dropped_total')
    expect(rest.length + dropped, String(arrives)).toBe(arrives ? 100 : 120)
  }
})

test('drop-oldest: batches as large as the spool replace each other', async () => {
  const { platform, spool, settled, write } = await openedSmall(new MemoryDisk(), { whenFull: 'drop-oldest' })
  for (let i = 0; i < 5; i += 1) void write(i, `${i} ${'x'.repeat(bytesMax)}`)
  await until(platform, () => settled.length === 5, 'all writes')
  const read = numbersOf(await readAll(spool))
  expect(read.at(-1)).toBe(4)
  expect(read.length + (await platform.metrics.total('sluice_dropped_total'))).toBe(5)
})

test('keep_free: nothing is written while the disk has too little free space; writing continues when there is more', async () => {
  const disk = new MemoryDisk()
  disk.capacity = 500 * KiB
  const { platform, spool, settled, write, said } = await openedSmall(disk, { freeBytesMin: 300 * KiB })
  for (let i = 0; i < 20; i += 1) void write(i)
  await platform.clock.pass(5_000)
  expect(settled.length).toBeGreaterThan(0)
  expect(settled.length).toBeLessThan(10)
  expect(disk.capacity - disk.used).toBeGreaterThanOrEqual(300 * KiB)
  expect(said('too little free space')).toBe(true)
  disk.capacity = 2000 * KiB
  await until(platform, () => settled.length === 20, 'all writes')
  expect(numbersOf(await readAll(spool))).toEqual(Array.from({ length: 20 }, (_, i) => i))
})

test('ENOSPC: writes wait, which is logged, and all messages can be read when there is space again', async () => {
  const disk = diskWithQuota(100 * KiB)
  const { platform, spool, settled, write } = await openedSmall(disk)
  for (let i = 0; i < 20; i += 1) void write(i)
  await platform.clock.pass(20_000)
  expect(settled.length).toBeLessThan(5)
  expect(platform.log.lines.find(({ text }) => text.startsWith('cannot write to the spool'))).toMatchObject({
    ...{ values: { folder: FOLDER } },
  })
  expect(await platform.metrics.total('sluice_write_errors_total')).toBeGreaterThan(2)
  disk.capacity = Infinity
  await until(platform, () => settled.length === 20, 'all writes')
  expect(numbersOf(await readAll(spool))).toEqual(Array.from({ length: 20 }, (_, i) => i))
  expect(platform.log.lines.some(({ text }) => text.includes('can be written again'))).toBe(true)
})

test('ENOSPC: acknowledged segments are removed although the acknowledgement cannot be saved', async () => {
  const disk = new MemoryDisk()
  const { platform, spool, settled, write } = await openedSmall(disk)
  for (let i = 0; i < 20; i += 1) void write(i)
  await until(platform, () => settled.length === 20, 'the first writes')
  disk.capacity = disk.used
  disk.failing = (operation, path) => {
    return operation === 'write' && path.endsWith('acknowledged') ? systemError('ENOSPC') : undefined
  }
  for (let i = 20; i < 30; i += 1) void write(i)
  const read = await readAll(spool)
  spool.acknowledge(spool.handedOut)
  await until(platform, () => settled.length === 30, 'the others')
  expect(numbersOf([...read, ...(await readAll(spool))])).toEqual(Array.from({ length: 30 }, (_, i) => i))
})

test('ENOSPC with drop-oldest: the oldest messages are dropped, the newest are kept', async () => {
  const disk = diskWithQuota(300 * KiB)
  const { platform, spool, settled, write } = await openedSmall(disk, { whenFull: 'drop-oldest' })
  for (let i = 0; i < 60; i += 1) void write(i)
  await until(platform, () => settled.length === 60, 'all writes')
  const read = numbersOf(await readAll(spool))
  expect(read.at(-1)).toBe(59)
  expect(read.length + (await platform.metrics.total('sluice_dropped_total'))).toBe(60)
})

test('EIO: after a failed sync, the same bytes are written again', async () => {
  const disk = new MemoryDisk()
  const { platform, spool, settled, write } = await openedSmall(disk)
  let failures = 3
  const calls: string[] = []
  disk.failing = (operation) => {
    calls.push(operation)
    return operation === 'sync' && failures-- > 0 ? systemError('EIO') : undefined
  }
  void write(1, 'one')
  await until(platform, () => settled.length === 1, 'the write')
  expect(calls.filter((call) => call === 'write')).toHaveLength(4)
  expect(await readAll(spool)).toEqual(['one'])
})

test('closing while the disk fails rejects unwritten batches with STOPPING', async () => {
  const disk = new MemoryDisk()
  const { platform, spool, write } = await openedSmall(disk)
  disk.failing = (operation) => (operation === 'write' ? systemError('EIO') : undefined)
  const first = write(1)
  const second = write(2)
  await platform.clock.pass(1_000)
  await during(platform, spool.closeIntake(500))
  await expect(first).rejects.toThrow('STOPPING')
  await expect(second).rejects.toThrow('STOPPING')
  await expect(spool.write(batchFor(['3']))).rejects.toThrow('STOPPING')
  await spool.close()
})

/** A spool with everything acknowledged and only its newest segment left, on a disk that is then filled up. */
async function drainedAndFull(disk: MemoryDisk, options: Parameters<typeof spoolOn>[1], leaves: number) {
  const run = await openedSmall(disk, { bytesMax: 64 * 1024 * KiB, ...options })
  const stream = 'a'.repeat(32)
  await during(run.platform, run.spool.write(streamBatch(stream, 0, ['1'])))
  for (let i = 0; i < 20; i += 1) await during(run.platform, run.write(i))
  await readAll(run.spool)
  run.spool.acknowledge(run.spool.handedOut)
  disk.capacity = disk.used + leaves
  return { ...run, stream }
}

test('keep_free: acknowledged messages make room, also those in the newest segment', async () => {
  const disk = new MemoryDisk()
  const { platform, spool, settled, write, stream } = await drainedAndFull(disk, { freeBytesMin: 300 * KiB }, 299 * KiB)
  void write(20)
  await until(platform, () => settled.includes(20), 'the write')
  expect(numbersOf(await readAll(spool))).toEqual([20])
  expect(await spool.marks([stream])).toEqual(new Map([[stream, 1]]))
  const again = await openedSmall(disk.afterPowerCut(() => 0.4))
  expect(await again.spool.marks([stream])).toEqual(new Map([[stream, 1]]))
})

test('ENOSPC: acknowledged messages make room, even if not even the head of a new segment fits', async () => {
  for (const leaves of [0, 10, 200, 5_000]) {
    const disk = diskWithQuota(Infinity)
    const { platform, spool, settled, write, stream } = await drainedAndFull(disk, {}, leaves)
    for (let i = 20; i < 30; i += 1) void write(i)
    await until(platform, () => settled.length === 30, 'the writes')
    expect(numbersOf(await readAll(spool))).toEqual(Array.from({ length: 10 }, (_, i) => 20 + i))
    expect(await spool.marks([stream])).toEqual(new Map([[stream, 1]]))
    expect(await platform.metrics.total('sluice_dropped_total')).toBe(0)
  }
})

test('ENOSPC: when acknowledged messages were cut off to make room, a crash behind the next write loses no mark', async () => {
  for (const leaves of [0, 10, 200, 5_000]) {
    const disk = diskWithQuota(Infinity)
    const { platform, settled, write, stream } = await drainedAndFull(disk, {}, leaves)
    void write(20)
    await until(platform, () => settled.includes(20), 'the write')
    const again = await openedSmall(disk.afterPowerCut(() => 0.4))
    expect(await again.spool.marks([stream])).toEqual(new Map([[stream, 1]]))
    expect(numbersOf(await readAll(again.spool))).toContain(20)
  }
})
