// A spool returns what was written to it, in order, and only when it is synced.

import { expect, test } from 'vitest'
import { SPOOL_SYNC_EVERY_MS } from '../../common/limits.ts'
import { settle } from '../fake/clock.ts'
import { fakePlatform } from '../fake/platform.ts'
import { textsOf } from '../fake/sink.ts'
import { releaseBatch } from '../../common/pipeline/batch.ts'
import { MemoryDisk, systemError } from './memory-disk.ts'
import {
  batchFor,
  closed,
  during,
  FOLDER,
  large,
  opened,
  reached,
  readAll,
  segmentsOf,
  spoolOn,
  streamBatch,
  takeAll,
  until,
  written,
} from './surroundings.ts'

const A = 'a'.repeat(32)

const namesOf = (texts: readonly string[]) => texts.map((text) => text.split(' ')[0])

test('spool: batches are read in the order in which they were written', async () => {
  const { platform, spool } = await opened(new MemoryDisk())
  await during(platform, Promise.all([spool.write(batchFor(['1', '2'])), spool.write(batchFor(['3']))]))
  await during(platform, spool.write(batchFor(['4'])))
  expect(await readAll(spool)).toEqual(['1', '2', '3', '4'])
})

test('spool: unsynced batches cannot be read', async () => {
  const disk = new MemoryDisk()
  const { platform, spool } = await opened(disk)
  let blocked = true
  disk.failing = (operation) => (operation === 'sync' && blocked ? systemError('EIO') : undefined)
  let settled = false
  void spool.write(batchFor(['1'])).then(() => (settled = true))
  await platform.clock.pass(1_000)
  expect(await spool.next()).toBeUndefined()
  expect(settled).toBe(false)
  blocked = false
  await until(platform, () => settled, 'the write')
  expect(await readAll(spool)).toEqual(['1'])
})

test('spool: many writes share one sync', async () => {
  const disk = new MemoryDisk()
  let syncs = 0
  const { platform, spool } = await opened(disk)
  disk.failing = (operation) => {
    if (operation === 'sync') syncs += 1
    return undefined
  }
  await during(platform, Promise.all(Array.from({ length: 500 }, (_, i) => spool.write(batchFor([String(i)])))))
  expect(syncs).toBe(1)
})

test('spool: a batch that a sender waits for is synced without delay', async () => {
  const { platform, spool } = await opened(new MemoryDisk())
  await during(platform, spool.write(batchFor(['1'])))
  const before = platform.clock.monotonicMs()
  let settledMs = -1
  const write = spool.write({ ...batchFor(['2']), awaited: true })
  void write.then(() => (settledMs = platform.clock.monotonicMs()))
  await during(platform, write)
  expect(settledMs - before).toBeLessThan(SPOOL_SYNC_EVERY_MS)
  expect(await readAll(spool)).toEqual(['1', '2'])
})

test('spool: with `durability: os` nothing is synced', async () => {
  const disk = new MemoryDisk()
  disk.failing = (operation) => (operation.startsWith('sync') ? systemError('EIO') : undefined)
  const { platform, spool } = await opened(disk, { durability: 'os' })
  await during(platform, spool.write(batchFor(['1'])))
  expect(await readAll(spool)).toEqual(['1'])
})

test('spool: after a restart, reading continues after the acknowledged position, and new messages have higher positions in the same stream', async () => {
  const disk = new MemoryDisk()
  const first = await opened(disk)
  await written(first.platform, first.spool, '1', '2', '3')
  const batch = (await first.spool.next())!
  const [{ stream: before }] = batch.runs
  releaseBatch(batch)
  first.spool.acknowledge(before!.to)
  await closed(first)

  const second = await opened(disk)
  await written(second.platform, second.spool, '4')
  const streams = []
  const texts: string[] = []
  for (let next = await second.spool.next(); next; next = await second.spool.next()) {
    streams.push(next.runs[0].stream!)
    texts.push(...textsOf(next))
  }
  expect(texts).toEqual(['2', '3', '4'])
  expect(new Set(streams.map(({ id }) => id))).toEqual(new Set([before!.id]))
  expect(streams.map(({ from }) => from).slice(0, 2)).toEqual([1, 2])
  expect(streams[2].from).toBeGreaterThan(streams[1].to)
})

test('spool: acknowledged segments are removed, and their messages are not read again', async () => {
  const disk = new MemoryDisk()
  const { platform, spool } = await opened(disk, { bytesMax: 1024 * 1024 })
  await written(platform, spool, ...Array.from({ length: 20 }, (_, i) => large(String(i))))
  const before = segmentsOf(disk)
  expect(before.length).toBeGreaterThan(4)
  expect(namesOf(await readAll(spool))).toEqual(Array.from({ length: 20 }, (_, i) => String(i)))
  spool.acknowledge(20)
  await platform.clock.pass(2_000)
  expect(segmentsOf(disk)).toEqual(before.slice(-1))
  await closed({ platform, spool })
  const again = await opened(disk)
  expect(await readAll(again.spool)).toEqual([])
})

test('spool: an idle spool frees its disk space, and keeps its marks', async () => {
  const disk = new MemoryDisk()
  const { platform, spool } = await opened(disk)
  const texts = Array.from({ length: 80 }, (_, i) => large(String(i)))
  await during(platform, spool.write(streamBatch(A, 0, texts.slice(0, 10))))
  await written(platform, spool, ...texts.slice(10))
  await readAll(spool)
  spool.acknowledge(80)
  await platform.clock.pass(5_000)
  expect(disk.used).toBeLessThan(10_000)
  expect(await spool.marks([A])).toEqual(new Map([[A, 10]]))
  await closed({ platform, spool })
  const again = await opened(disk)
  expect(await again.spool.marks([A])).toEqual(new Map([[A, 10]]))
})

test('spool: a torn tail is cut off and counted, and the record before it is read', async () => {
  const disk = new MemoryDisk()
  const first = await opened(disk)
  await written(first.platform, first.spool, 'one', 'two')
  const [path] = segmentsOf(disk)
  const inode = disk.files.get(path)!
  for (const lost of [1, 30, 60]) {
    const copy = new MemoryDisk()
    const bytes = inode.now.subarray(0, inode.now.length - lost)
    for (const [name, file] of disk.files) copy.files.set(name, name === path ? { ...file, now: bytes, room: 0 } : file)
    const second = await opened(copy)
    expect(await readAll(second.spool)).toEqual(['one'])
    expect(await second.platform.metrics.total('sluice_spool_cut_bytes_total')).toBeGreaterThan(0)
    expect(copy.files.get(path)!.now.length).toBeLessThan(bytes.length)
  }
})

test('spool: a damaged record in the middle is skipped, counted and logged; those around it are read', async () => {
  const disk = new MemoryDisk()
  const first = await opened(disk)
  await written(first.platform, first.spool, 'one', 'second', 'three')
  await closed(first)
  const [path] = segmentsOf(disk)
  const { now } = disk.files.get(path)!
  now[now.indexOf('second')] ^= 0x20
  const { platform, spool } = await opened(disk)
  expect(await takeAll(spool)).toEqual(['one', 'three'])
  const counted = await platform.metrics.snapshot()
  expect(counted.get('sluice_dropped_total{reason="spool_damaged",where="central"}')).toBe(1)
  expect(platform.log.lines.some(({ level, text }) => level === 'warn' && text.includes('damaged'))).toBe(true)
})

// After a clean stop, or once an acknowledgement was saved, the newest group is known to be synced, so it cannot be a torn tail.
const damages: [string, (bytes: Buffer) => Buffer][] = [
  ['a flipped bit in its last message', (bytes) => flipped(bytes, bytes.indexOf('three'))],
  ['a flipped bit in its last record', (bytes) => flipped(bytes, bytes.lastIndexOf('SPR1') + 5)],
  ['its last byte missing', (bytes) => bytes.subarray(0, -1)],
  ['its last record missing', (bytes) => bytes.subarray(0, bytes.lastIndexOf('SPR1'))],
]

function flipped(bytes: Buffer, at: number): Buffer {
  bytes[at] ^= 1
  return bytes
}

for (const how of ['stopped', 'killed after an acknowledgement'] as const) {
  test.each(damages)(
    `spool: damage of the newest group, ${how}: %s: skipped, counted and said, not cut`,
    async (_, damage) => {
      const disk = new MemoryDisk()
      const first = await opened(disk)
      const { platform, spool } = first
      await written(platform, spool, 'one')
      // Both in one group.
      await during(platform, Promise.all(['two', 'three'].map((text) => spool.write(batchFor([text])))))
      if (how === 'stopped') await closed(first)
      else {
        await readAll(spool)
        spool.acknowledge(1)
        await platform.clock.pass(2_000)
      }
      const file = disk.files.get(segmentsOf(disk)[0])!
      file.now = damage(Buffer.from(file.now))
      // The result must be the same if the spool is opened and stopped once more before it is read.
      await closed(await opened(disk))
      const second = await opened(disk)
      expect(await takeAll(second.spool)).toEqual(how === 'stopped' ? ['one', 'two'] : ['two'])
      expect(second.spool.handedOut).toBe(3)
      const counted = await second.platform.metrics.snapshot()
      expect(counted.get('sluice_dropped_total{reason="spool_damaged",where="central"}')).toBe(1)
      expect(await second.platform.metrics.total('sluice_spool_cut_bytes_total')).toBe(0)
      expect(second.platform.log.lines.some(({ level, text }) => level === 'warn' && text.includes('damaged'))).toBe(
        true,
      )
      await written(second.platform, second.spool, 'four')
      expect(await readAll(second.spool)).toEqual(['four'])
    },
  )
}

test('spool: with a damaged head of the only segment after a clean stop, every message is read', async () => {
  const disk = new MemoryDisk()
  const first = await opened(disk)
  await written(first.platform, first.spool, 'one')
  await closed(first)
  flipped(disk.files.get(segmentsOf(disk)[0])!.now, 41)
  const { platform, spool } = await opened(disk)
  expect(await readAll(spool)).toEqual(['one'])
  expect(await platform.metrics.total('sluice_dropped_total')).toBe(0)
  expect(await platform.metrics.total('sluice_spool_cut_bytes_total')).toBe(0)
})

test('spool: a torn write after the synced end is cut off, damage before that end is not', async () => {
  const disk = new MemoryDisk()
  const first = await opened(disk)
  const { platform, spool } = first
  await written(platform, spool, 'one', 'second')
  await readAll(spool)
  spool.acknowledge(1)
  await platform.clock.pass(2_000)
  const file = disk.files.get(segmentsOf(disk)[0])!
  const synced = file.now.length
  await written(platform, spool, 'three')
  file.now = flipped(Buffer.from(file.now.subarray(0, -1)), file.now.indexOf('second'))
  const second = await opened(disk)
  expect(file.now.length).toBe(synced)
  expect(await second.platform.metrics.total('sluice_spool_cut_bytes_total')).toBeGreaterThan(0)
  expect(await takeAll(second.spool)).toEqual([])
  expect(await second.platform.metrics.total('sluice_dropped_total')).toBe(1)
})

test('spool: a record with a damaged length does not hide the records after it', async () => {
  const disk = new MemoryDisk()
  const first = await opened(disk)
  await written(first.platform, first.spool, 'one', 'two', 'three', 'four')
  await closed(first)
  const [path] = segmentsOf(disk)
  const { now } = disk.files.get(path)!
  const second = now.indexOf('SPR1', now.indexOf('SPR1') + 1)
  for (const length of [0, 51, 0x7fffffff, 100_000]) {
    now.writeUInt32LE(length, second + 4)
    const copy = await opened(disk)
    expect(await readAll(copy.spool)).toEqual(['one', 'three', 'four'])
  }
})

test('spool: a segment that is lost while the spool is open is counted, the rest is read, and nothing stays unacknowledged', async () => {
  const disk = new MemoryDisk()
  const { platform, spool } = await opened(disk, { bytesMax: 1024 * 1024 })
  await written(platform, spool, ...Array.from({ length: 12 }, (_, i) => large(String(i))))
  const [, second] = segmentsOf(disk)
  disk.files.delete(second)
  const names = namesOf(await takeAll(spool))
  const lost = await platform.metrics.total('sluice_dropped_total')
  expect(lost).toBeGreaterThan(0)
  expect(names.length + lost).toBe(12)
  expect(spool.isDrained).toBe(true)
})

test('spool: a damaged head costs no message of its segment', async () => {
  const disk = new MemoryDisk()
  const first = await opened(disk, { bytesMax: 1024 * 1024 })
  await during(first.platform, first.spool.write(streamBatch(A, 0, ['1'])))
  await written(first.platform, first.spool, ...Array.from({ length: 12 }, (_, i) => large(String(i))))
  await closed(first)
  for (const path of segmentsOf(disk)) {
    const { now } = disk.files.get(path)!
    now[40] ^= 1
    const { spool } = await opened(disk, { bytesMax: 1024 * 1024 })
    expect(namesOf(await readAll(spool)).length).toBe(13)
    expect(await spool.marks([A])).toEqual(new Map([[A, 1]]))
    now[40] ^= 1
  }
})

test('spool: after a rewind, everything unacknowledged is read again', async () => {
  const { platform, spool } = await opened(new MemoryDisk())
  await written(platform, spool, '1', '2', '3')
  await readAll(spool)
  spool.acknowledge(1)
  await spool.rewind()
  expect(await readAll(spool)).toEqual(['2', '3'])
})

test('spool: if the receiver has a part of a record, only the rest of it is read', async () => {
  const { platform, spool } = await opened(new MemoryDisk())
  await during(platform, spool.write(batchFor(['1', '2', '3'])))
  await during(platform, spool.write(batchFor(['4'])))
  spool.acknowledge(2)
  await spool.rewind()
  const rest = (await spool.next())!
  expect(textsOf(rest)).toEqual(['3'])
  // The message still has its position.
  const [{ from, ends, to }] = rest.runs.map(({ stream }) => stream!)
  expect([from + ends[0], to]).toEqual([3, 3])
  releaseBatch(rest)
  expect(await readAll(spool)).toEqual(['4'])
})

test('spool: messages can be read again after reads of the disk have failed for a while', async () => {
  const disk = new MemoryDisk()
  const { platform, spool } = await opened(disk)
  await written(platform, spool, '1')
  disk.failing = (operation) => (operation === 'read' ? systemError('EIO') : undefined)
  await expect(spool.next()).rejects.toThrow('EIO')
  disk.failing = () => undefined
  await settle()
  expect(await readAll(spool)).toEqual(['1'])
})

test('spool: a folder that cannot be used is reported as a fault', async () => {
  const disk = new MemoryDisk()
  disk.failing = (operation) => (operation === 'open' ? systemError('EACCES') : undefined)
  await expect(spoolOn(fakePlatform(disk)).open()).rejects.toThrow(`DATA_UNWRITABLE: ${FOLDER}: EACCES`)
})

test('spool: the other segments are read although somebody removed one between two runs; what was in it waits to be counted', async () => {
  const disk = new MemoryDisk()
  const options = { bytesMax: 1024 * 1024 }
  let run = await opened(disk, options)
  for (let life = 0; life < 3; life += 1) {
    await written(run.platform, run.spool, large(`${life}a`), large(`${life}b`))
    await closed(run)
    run = await opened(disk, options)
  }
  await closed(run)
  const [, second] = segmentsOf(disk)
  disk.files.delete(second)
  const { platform, spool } = await opened(disk, options)
  expect(namesOf(await readAll(spool))).toEqual(['0a', '0b', '2a', '2b'])
  expect(await platform.metrics.total('sluice_dropped_total')).toBe(0)
  expect(spool.messages).toBe(6)
})

test('spool: many segments with changes of marks only, without messages', async () => {
  const disk = new MemoryDisk()
  const run = await opened(disk, { bytesMax: 1024 * 1024 })
  const idOf = (i: number) => i.toString(16).padStart(32, '0')
  const news = (from: number) => new Map(Array.from({ length: 3_000 }, (_, i) => [idOf(from + i), from + i]))
  for (let round = 0; round < 4; round += 1) {
    await during(run.platform, run.spool.write(reached(news(3_000 * round))))
    await run.platform.clock.pass(2_000)
  }
  await written(run.platform, run.spool, 'a message')
  expect(await readAll(run.spool)).toEqual(['a message'])
  await closed(run)
  const again = await opened(disk)
  expect((await again.spool.marks(Array.from({ length: 12_000 }, (_, i) => idOf(i)))).size).toBe(12_000)
  expect(await readAll(again.spool)).toEqual(['a message'])
})

test('spool: a crash in the very first write leaves at most a head, and the next run continues after it', async () => {
  const disk = new MemoryDisk()
  const first = await opened(disk)
  await written(first.platform, first.spool, 'one')
  await closed(first)
  const [path] = segmentsOf(disk)
  const inode = disk.files.get(path)!
  for (const bytes of [0, 1, 63, 64, 65, 100]) {
    const copy = new MemoryDisk()
    const acknowledged = [...disk.files.keys()].find((name) => name.endsWith('acknowledged'))!
    copy.files.set(acknowledged, disk.files.get(acknowledged)!)
    copy.files.set(path, { ...inode, now: inode.now.subarray(0, bytes), durable: Buffer.alloc(0), room: 0 })
    const second = await opened(copy)
    await written(second.platform, second.spool, 'two')
    await second.platform.clock.pass(5_000)
    expect(await readAll(second.spool)).toEqual(['two'])
    await closed(second)
    const third = await opened(copy)
    expect(await readAll(third.spool)).toEqual(['two'])
  }
})
