// Marks of incoming streams in a spool: they advance when messages are synced, and survive segments and restarts.

import { expect, test } from 'vitest'
import { SPOOL_MARKS_MAX } from '../../common/limits.ts'
import { MemoryDisk, systemError } from './memory-disk.ts'
import { closed, during, large, opened, reached, readAll, segmentsOf, streamBatch, written } from './surroundings.ts'

const A = 'a'.repeat(32)
const B = 'b'.repeat(32)

test('marks: a stream never seen has none, a stream without selected messages has one, a stream with messages has advanced', async () => {
  const { platform, spool } = await opened(new MemoryDisk())
  await during(
    platform,
    spool.write(
      reached(
        new Map([
          [A, 100],
          [B, 7],
        ]),
      ),
    ),
  )
  expect(await spool.marks([A, B, 'c'.repeat(32)])).toEqual(
    new Map([
      [A, 100],
      [B, 7],
    ]),
  )
  await during(platform, spool.write(streamBatch(A, 100, ['x', 'y'])))
  await during(platform, spool.write(reached(new Map([[A, 50]]))))
  expect(await spool.marks([A, B])).toEqual(
    new Map([
      [A, 102],
      [B, 7],
    ]),
  )
})

test('marks: they cover only what is synced', async () => {
  const disk = new MemoryDisk()
  const { platform, spool } = await opened(disk)
  disk.failing = (operation) => (operation === 'sync' ? systemError('EIO') : undefined)
  const write = spool.write(streamBatch(A, 0, ['x']))
  await platform.clock.pass(500)
  expect(await spool.marks([A])).toEqual(new Map())
  disk.failing = () => undefined
  await during(platform, write)
  expect(await spool.marks([A])).toEqual(new Map([[A, 1]]))
})

test('marks: messages at or below the mark are left out and counted, also if batches are divided differently', async () => {
  const { platform, spool } = await opened(new MemoryDisk())
  await during(platform, spool.write(streamBatch(A, 0, ['1', '2', '3'])))
  await during(
    platform,
    Promise.all([spool.write(streamBatch(A, 1, ['2', '3', '4'])), spool.write(streamBatch(A, 0, ['1']))]),
  )
  expect(await readAll(spool)).toEqual(['1', '2', '3', '4'])
  expect(await platform.metrics.total('sluice_repeats_total')).toBe(3)
})

test('marks: a range without messages advances the mark', async () => {
  const disk = new MemoryDisk()
  const first = await opened(disk)
  const empty = streamBatch(A, 0, [])
  const stream = { id: A, from: 0, to: 900, ends: new Float64Array() }
  await during(first.platform, first.spool.write({ ...empty, runs: [{ ...empty.runs[0], stream }] }))
  expect(await first.spool.marks([A])).toEqual(new Map([[A, 900]]))
  await closed(first)
  const second = await opened(disk)
  expect(await second.spool.marks([A])).toEqual(new Map([[A, 900]]))
  expect(await readAll(second.spool)).toEqual([])
})

test('marks: they survive the removal of the segments that they were written in, twice', async () => {
  const disk = new MemoryDisk()
  let run = await opened(disk, { bytesMax: 1024 * 1024 })
  await during(run.platform, run.spool.write(streamBatch(A, 0, ['1', '2'])))
  for (let generation = 0; generation < 2; generation += 1) {
    await written(run.platform, run.spool, ...Array.from({ length: 12 }, () => large('x')))
    await readAll(run.spool)
    run.spool.acknowledge(run.spool.handedOut)
    await run.platform.clock.pass(2_000)
    expect(segmentsOf(disk).length).toBe(1)
    await closed(run)
    run = await opened(disk, { bytesMax: 1024 * 1024 })
    expect(await run.spool.marks([A])).toEqual(new Map([[A, 2]]))
  }
  await during(run.platform, run.spool.write(streamBatch(A, 0, ['1', '2', '3'])))
  expect(await readAll(run.spool)).toEqual(['3'])
})

test('marks: that of a retired stream is forgotten after a week, that of a silent one after 90 days', async () => {
  const disk = new MemoryDisk()
  const day = 86_400_000
  const { platform, spool } = await opened(disk, { bytesMax: 1024 * 1024 })
  await during(
    platform,
    spool.write(
      reached(
        new Map([
          [A, 1],
          [B, 1],
        ]),
      ),
    ),
  )
  await during(platform, spool.retire([A]))
  const aSegment = () => written(platform, spool, ...Array.from({ length: 8 }, () => large('x')))
  const wall = platform.clock.now()
  await aSegment()
  expect(await spool.marks([A, B])).toEqual(
    new Map([
      [A, 1],
      [B, 1],
    ]),
  )
  platform.clock.setWall(wall + 8 * day * 1000)
  await aSegment()
  expect(await spool.marks([A, B])).toEqual(new Map([[B, 1]]))
  platform.clock.setWall(wall + 92 * day * 1000)
  await aSegment()
  expect(await spool.marks([A, B])).toEqual(new Map())
})

test('marks: when there are too many streams, those that have been silent for longest are forgotten, which is logged', async () => {
  const { platform, spool } = await opened(new MemoryDisk())
  const ids = Array.from({ length: SPOOL_MARKS_MAX + 1 }, (_, i) => i.toString(16).padStart(32, '0'))
  await during(platform, spool.write(reached(new Map(ids.map((id) => [id, 5])))))
  await during(platform, spool.write(streamBatch(A, 0, ['x'])))
  const known = await spool.marks([ids[0], ids.at(-1)!, A])
  expect(known).toEqual(
    new Map([
      [ids.at(-1)!, 5],
      [A, 1],
    ]),
  )
  expect(platform.log.lines).toContainEqual(
    expect.objectContaining({ level: 'warn', values: { destination: 'central', streams: SPOOL_MARKS_MAX / 4 + 1 } }),
  )
})
