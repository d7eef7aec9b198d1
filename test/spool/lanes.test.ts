// A spool in front of a destination that distributes messages: a lane for each receiver, and one size limit for all lanes.

import { expect, test } from 'vitest'
import type { Batch, Run } from '../../common/pipeline/batch.ts'
import type { Destination, Lanes } from '../../common/pipeline/sink.ts'
import { fakePlatform, type FakePlatform } from '../fake/platform.ts'
import { MemoryDisk } from './memory-disk.ts'
import { batchFor, during, FOLDER, spooledOn, streamBatch, TrimmingReceiver, until } from './surroundings.ts'

const KiB = 1024

/** Deals runs to receivers in turn; runs of a stream by the last digit of its id. */
class DealingDestination implements Destination {
  readonly name = 'central'
  readonly receivers: readonly TrimmingReceiver[]
  readonly lanes: Lanes
  #turn = 0

  constructor(receivers: readonly TrimmingReceiver[], shift: number = 0) {
    this.receivers = receivers
    const count = receivers.length
    const laneOf = ({ stream }: Run) => (stream ? (Number(stream.id.at(-1)) + shift) % count : this.#turn++ % count)
    this.lanes = {
      count,
      assign: (runs) => runs.map(laneOf),
      writeTo: (lane, batch) => receivers[lane].write(batch),
    }
  }

  open(): Promise<void> {
    return Promise.resolve()
  }

  write(): Promise<void> {
    return Promise.reject(new Error('what is behind lanes is written to by them'))
  }

  async close(): Promise<void> {
    await Promise.all(this.receivers.map((receiver) => receiver.close()))
  }
}

const receivers = (count: number) => Array.from({ length: count }, () => new TrimmingReceiver())
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => String(from + i))
const streamId = (digit: number) => 'c'.repeat(31) + String(digit)

async function opened(disk: MemoryDisk, destination: Destination, options: Parameters<typeof spooledOn>[2] = {}) {
  const platform = fakePlatform(disk)
  const spooled = spooledOn(platform, destination, options)
  await spooled.open()
  return { platform, spooled }
}

type Spooled = ReturnType<typeof spooledOn>

async function write(platform: FakePlatform, spooled: Spooled, batches: readonly Batch[]): Promise<void> {
  for (const batch of batches) await during(platform, spooled.write(batch))
}

/** The bytes that the limit applies to; the file `acknowledged` is small. */
function segmentBytes(disk: MemoryDisk): number {
  return [...disk.files].reduce((sum, [path, { now }]) => (path.endsWith('.spool') ? sum + now.length : sum), 0)
}

const stored = (all: readonly TrimmingReceiver[]) => all.reduce((sum, { texts }) => sum + texts.length, 0)

test('lanes: every receiver gets its share in order, as a stream of its own', async () => {
  const all = receivers(3)
  const { platform, spooled } = await opened(new MemoryDisk(), new DealingDestination(all))
  await write(
    platform,
    spooled,
    numbers(0, 30).map((text) => batchFor([text])),
  )
  await until(platform, () => stored(all) === 30, 'all of them')
  all.forEach(({ texts, marks }, i) => {
    expect(texts).toEqual(numbers(0, 30).filter((text) => Number(text) % 3 === i))
    expect([...marks.values()]).toEqual([10])
  })
  expect(new Set(all.flatMap(({ marks }) => [...marks.keys()])).size).toBe(3)
})

test('lanes: the runs of a batch go to their lanes; the write settles when all of them are on disk', async () => {
  const all = receivers(2)
  const disk = new MemoryDisk()
  const { platform, spooled } = await opened(disk, new DealingDestination(all))
  const [even, odd] = [streamBatch(streamId(0), 0, ['a', 'b']), streamBatch(streamId(1), 0, ['c', 'd'])]
  const { slab, bounds } = streamBatch(streamId(0), 0, ['a', 'b', 'c', 'd'])
  const runs = [even.runs[0], { ...odd.runs[0] }]
  await write(platform, spooled, [{ ...even, slab, bounds, count: 4, runs }])
  expect(await spooled.streams.marks([streamId(0), streamId(1)])).toEqual(
    new Map([
      [streamId(0), 2],
      [streamId(1), 2],
    ]),
  )
  await until(platform, () => stored(all) === 4, 'all four')
  expect(all.map(({ texts }) => texts)).toEqual([
    ['a', 'b'],
    ['c', 'd'],
  ])
})

test('lanes: a receiver that takes nothing does not stop the others; a crash loses and repeats nothing in any lane', async () => {
  const disk = new MemoryDisk()
  const all = receivers(2)
  all[0].answers = false
  const first = await opened(disk, new DealingDestination(all))
  await write(
    first.platform,
    first.spooled,
    numbers(0, 40).map((text) => batchFor([text])),
  )
  await until(first.platform, () => all[1].texts.length === 20, 'those of the second')
  all[0].answer()
  const second = await opened(
    disk.afterPowerCut(() => 0.9),
    new DealingDestination(all),
  )
  await until(second.platform, () => stored(all) === 40, 'those of the first')
  await write(second.platform, second.spooled, [batchFor(['40']), batchFor(['41'])])
  await until(second.platform, () => stored(all) === 42, 'the new ones')
  expect(all.map(({ texts }) => texts)).toEqual(
    [0, 1].map((i) => numbers(0, 42).filter((text) => Number(text) % 2 === i)),
  )
})

test('lanes: a stream stays in the lane that has its mark, although it would now be assigned to another one', async () => {
  const disk = new MemoryDisk()
  const all = receivers(2)
  const first = await opened(disk, new DealingDestination(all))
  await write(first.platform, first.spooled, [streamBatch(streamId(0), 0, numbers(0, 5))])
  await until(first.platform, () => stored(all) === 5, 'the first five')
  await during(first.platform, first.spooled.close(1_000))
  const second = await opened(disk, new DealingDestination(all, 1))
  await write(second.platform, second.spooled, [streamBatch(streamId(0), 0, numbers(0, 9))])
  await until(second.platform, () => stored(all) === 9, 'the rest')
  expect(all[0].texts).toEqual(numbers(0, 9))
  expect(all[1].texts).toEqual([])
})

test('lanes: a spool of an earlier version, without lanes, is read and continues as the first lane', async () => {
  const disk = new MemoryDisk()
  const before = new TrimmingReceiver()
  before.rejects = Infinity
  const first = await opened(disk, before)
  await write(first.platform, first.spooled, [streamBatch(streamId(1), 0, numbers(0, 5))])
  await during(first.platform, first.spooled.close(1_000))
  const all = receivers(2)
  const second = await opened(disk, new DealingDestination(all))
  await write(second.platform, second.spooled, [streamBatch(streamId(1), 0, numbers(0, 7))])
  await until(second.platform, () => stored(all) === 7, 'all')
  expect(all[0].texts).toEqual(numbers(0, 7))
})

test('lanes: messages in the lanes of receivers that were removed from the configuration are sent to the others', async () => {
  for (const left of [2, 1]) {
    const disk = new MemoryDisk()
    const before = receivers(3)
    for (const receiver of before) receiver.rejects = Infinity
    const first = await opened(disk, new DealingDestination(before))
    await write(
      first.platform,
      first.spooled,
      numbers(0, 9).map((text) => batchFor([text])),
    )
    await during(first.platform, first.spooled.close(1_000))
    const all = receivers(left)
    const second = await opened(disk, left > 1 ? new DealingDestination(all) : all[0])
    await until(second.platform, () => stored(all) === 9, 'all')
    expect(all.flatMap(({ texts }) => texts).sort()).toEqual(numbers(0, 9))
  }
})

test('lanes, block: the size limit applies to all lanes together, and sources wait when it is reached', async () => {
  const disk = new MemoryDisk()
  const all = receivers(3)
  for (const receiver of all) receiver.answers = false
  const bytesMax = 1024 * KiB
  const { platform, spooled } = await opened(disk, new DealingDestination(all), { bytesMax })
  let settled = 0
  const texts = numbers(0, 300).map((text) => `${text} ${'x'.repeat(10_000)}`)
  const writes = texts.map(async (text) => {
    await spooled.write(batchFor([text]))
    settled += 1
  })
  await platform.clock.pass(5_000)
  expect(settled).toBeLessThan(105)
  expect(settled).toBeGreaterThan(80)
  expect(segmentBytes(disk)).toBeLessThanOrEqual(bytesMax)
  const values = await platform.metrics.snapshot()
  expect(values.get('sluice_spool_messages{destination="central"}')).toBe(settled)
  expect(values.get('sluice_spool_bytes{destination="central"}')).toBeGreaterThan(bytesMax * 0.8)
  for (const receiver of all) receiver.answer()
  await until(platform, () => stored(all) === 300, 'all of them')
  await Promise.all(writes)
  all.forEach((receiver, i) => expect(receiver.texts).toEqual(texts.filter((_, k) => k % 3 === i)))
})

test('lanes, block: a lane may use the room that the others do not use', async () => {
  const disk = new MemoryDisk()
  const all = receivers(3)
  const { platform, spooled } = await opened(disk, new DealingDestination(all), { bytesMax: 1024 * KiB })
  // Use each lane once, so that each keeps a segment.
  const warm = numbers(0, 12).map((text) => batchFor([`${text} ${'x'.repeat(12_000)}`]))
  await write(platform, spooled, warm)
  await until(platform, () => stored(all) === 12, 'the first ones')
  all[0].answers = false
  for (let i = 0; i < 80; i += 1) {
    await during(platform, spooled.write(streamBatch(streamId(0), i, [`${i} ${'x'.repeat(12_000)}`])))
  }
  expect(segmentBytes(disk)).toBeLessThanOrEqual(1024 * KiB)
})

test('lanes, drop-oldest: the fullest lane drops its oldest segment, and every message is stored or counted', async () => {
  const disk = new MemoryDisk()
  const all = receivers(2)
  all[0].rejects = Infinity
  const options = { bytesMax: 1024 * KiB, whenFull: 'drop-oldest' } as const
  const { platform, spooled } = await opened(disk, new DealingDestination(all), options)
  for (let i = 0; i < 400; i += 1) {
    await during(platform, spooled.write(batchFor([`${i} ${'x'.repeat(10_000)}`])))
    expect(segmentBytes(disk)).toBeLessThanOrEqual(1024 * KiB)
  }
  all[0].rejects = 0
  await until(platform, () => all[0].texts.at(-1)?.startsWith('398 ') === true, 'the newest')
  await during(platform, spooled.close(5_000))
  const dropped = await platform.metrics.total('sluice_dropped_total')
  expect(all[1].texts).toHaveLength(200)
  expect(dropped).toBeGreaterThan(0)
  expect(all[0].texts.length + dropped).toBe(200)
})

test('lanes: with less free space than keep_free, no lane writes', async () => {
  const disk = new MemoryDisk()
  disk.capacity = 512 * KiB
  const all = receivers(2)
  for (const receiver of all) receiver.answers = false
  const { platform, spooled } = await opened(disk, new DealingDestination(all), { freeBytesMin: 256 * KiB })
  let settled = 0
  const writes = numbers(0, 60).map(async (text) => {
    await spooled.write(batchFor([`${text} ${'x'.repeat(10_000)}`]))
    settled += 1
  })
  await platform.clock.pass(5_000)
  expect(segmentBytes(disk)).toBeLessThanOrEqual(256 * KiB)
  expect(settled).toBeLessThan(30)
  disk.capacity = Infinity
  for (const receiver of all) receiver.answer()
  await until(platform, () => stored(all) === 60, 'all of them')
  await Promise.all(writes)
})

test('lanes: at a start, messages that the destination reports as stored are not sent again', async () => {
  const disk = new MemoryDisk()
  const before = new TrimmingReceiver()
  before.answers = false
  const first = await opened(disk, before)
  await write(
    first.platform,
    first.spooled,
    numbers(0, 6).map((text) => batchFor([text])),
  )
  await until(first.platform, () => before.held === 6, 'all on their way')
  const next = new TrimmingReceiver()
  const streams = {
    marks: () => Promise.resolve(new Map([...before.marks].map(([id]) => [id, 4]))),
    retire: async () => {},
  }
  const destination: Destination = Object.assign(next, { streams })
  const second = await opened(disk, destination)
  await until(second.platform, () => next.texts.length === 2, 'the rest')
  expect(next.texts).toEqual(['4', '5'])
})

test('lanes: the first lane is in the folder of the spool, the others in lane-1, lane-2 …', async () => {
  const disk = new MemoryDisk()
  await opened(disk, new DealingDestination(receivers(3)))
  const folders = [...disk.files.keys()].map((path) => path.slice(0, path.lastIndexOf('/')))
  expect(new Set(folders)).toEqual(new Set([FOLDER, `${FOLDER}/lane-1`, `${FOLDER}/lane-2`]))
})
