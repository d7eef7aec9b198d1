// A destination behind a spool: it gets the messages of the spool in order, and rejected ones again.

import { expect, test } from 'vitest'
import { SLAB_BYTES, SLABS_BYTES_MAX } from '../../common/limits.ts'
import type { Destination } from '../../common/pipeline/sink.ts'
import { originOf } from '../fake/batch.ts'
import { fakePlatform } from '../fake/platform.ts'
import { MemoryDisk, systemError } from './memory-disk.ts'
import { batchFor, during, spooledOn, streamBatch, TrimmingReceiver, until } from './surroundings.ts'

async function opened(disk: MemoryDisk, receiver: TrimmingReceiver) {
  const platform = fakePlatform(disk)
  const spooled = spooledOn(platform, receiver)
  await spooled.open()
  return { platform, spooled }
}

const count = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => String(from + i))

test('destination: a write settles when it is on disk, also while the destination accepts nothing', async () => {
  const receiver = new TrimmingReceiver()
  receiver.answers = false
  const { platform, spooled } = await opened(new MemoryDisk(), receiver)
  await during(platform, spooled.write(batchFor(['1'])))
  await until(platform, () => receiver.held === 1, 'the message')
  receiver.answer()
})

test('destination: messages keep their origin and time of receipt, and belong to the stream of the spool', async () => {
  const seen: Parameters<Destination['write']>[0][] = []
  const receiver = new TrimmingReceiver()
  receiver.write = (batch) => {
    seen.push(batch)
    return Promise.resolve()
  }
  const { platform, spooled } = await opened(new MemoryDisk(), receiver)
  const first = 1_600_000_000_000_000
  await during(platform, spooled.write(batchFor(['1'], originOf({ source: 'dmz', peer: '192.0.2.9' }), first)))
  await until(platform, () => seen.length === 1, 'the batch')
  expect(seen[0].received).toBe(1_700_000_000_000_000)
  expect(seen[0].runs[0].received).toBe(first)
  expect(seen[0].runs[0].origin).toMatchObject({ source: 'dmz', peer: '192.0.2.9' })
  expect(seen[0].runs[0].stream).toMatchObject({ from: 0, to: 1 })
})

test('destination: rejected messages are sent again in order; a receiver that keeps marks stores them once', async () => {
  const receiver = new TrimmingReceiver()
  const { platform, spooled } = await opened(new MemoryDisk(), receiver)
  receiver.rejects = 5
  for (const text of count(0, 40)) await during(platform, spooled.write(batchFor([text])))
  await until(platform, () => receiver.texts.length >= 40, 'all of them')
  expect(receiver.texts).toEqual(count(0, 40))
  // Each message is stored once, however often it was rejected.
  await until(platform, () => receiver.held === 0, 'the last answers')
  expect(await platform.metrics.total('sluice_stored_total')).toBe(40)
})

test('destination: waiting messages do not count as stored; repeats count as stored', async () => {
  const receiver = new TrimmingReceiver()
  receiver.answers = false
  const { platform, spooled } = await opened(new MemoryDisk(), receiver)
  const stored = () => platform.metrics.total('sluice_stored_total')
  const given = streamBatch('5'.repeat(32), 0, ['a', 'b', 'c'])
  await during(platform, spooled.write(given))
  await until(platform, () => receiver.held === 1, 'the messages')
  expect(await stored()).toBe(0)
  receiver.answer()
  await platform.clock.pass(1_000)
  expect(await stored()).toBe(3)
  await during(platform, spooled.write(streamBatch('5'.repeat(32), 0, ['a', 'b', 'c'])))
  expect(await stored()).toBe(6)
  expect(await platform.metrics.total('sluice_repeats_total')).toBe(3)
})

test('destination: the bytes of open writes are bounded for a slow destination', async () => {
  const receiver = new TrimmingReceiver()
  receiver.answers = false
  const { platform, spooled } = await opened(new MemoryDisk(), receiver)
  const large = 'x'.repeat(200_000)
  for (let i = 0; i < 100; i += 1) await during(platform, spooled.write(batchFor([large])))
  await platform.clock.pass(1_000)
  expect(receiver.held).toBe(Math.ceil((8 * 1024 * 1024) / 200_001))
  expect(platform.slabs.bytesOut).toBeLessThan(16 * 1024 * 1024)
  receiver.answer()
  await until(platform, () => receiver.texts.length === 100, 'all of them')
})

test('destination: single messages that wait for a stalled destination do not each occupy a slab', async () => {
  const receiver = new TrimmingReceiver()
  receiver.answers = false
  const { platform, spooled } = await opened(new MemoryDisk(), receiver)
  const messages = SLABS_BYTES_MAX / SLAB_BYTES + 44
  for (const text of count(0, messages)) await during(platform, spooled.write(batchFor([text])))
  await until(platform, () => receiver.held === messages, 'all of them')
  expect(platform.slabs.bytesOut).toBeLessThanOrEqual(2 * SLAB_BYTES)
  receiver.answer()
})

test('destination: a stop sends what can still be sent', async () => {
  const receiver = new TrimmingReceiver()
  const { platform, spooled } = await opened(new MemoryDisk(), receiver)
  const writes = count(0, 50).map((text) => spooled.write(batchFor([text])))
  await during(platform, spooled.close(10_000))
  await Promise.all(writes)
  expect(receiver.texts).toEqual(count(0, 50))
  expect(receiver.closed).toBe(1)
  expect(platform.slabs.bytesOut).toBe(0)
})

test('destination: a stop does not wait long for a stalled destination; the rest is sent after the next start', async () => {
  const disk = new MemoryDisk()
  const receiver = new TrimmingReceiver()
  const rejects: (() => void)[] = []
  receiver.write = () => new Promise((_, reject) => rejects.push(() => reject(new Error('STOPPING'))))
  receiver.close = () => {
    for (const reject of rejects) reject()
    return Promise.resolve()
  }
  const first = await opened(disk, receiver)
  for (const text of count(0, 5)) await during(first.platform, first.spooled.write(batchFor([text])))
  const before = first.platform.clock.monotonicMs()
  void first.spooled.close(10_000)
  await until(first.platform, () => first.platform.log.lines.some(({ text }) => text.includes('keeps')), 'the stop')
  expect(first.platform.clock.monotonicMs() - before).toBeLessThan(3_000)

  const next = new TrimmingReceiver()
  const second = await opened(disk, next)
  await until(second.platform, () => next.texts.length === 5, 'the rest')
  expect(next.texts).toEqual(count(0, 5))
})

test('destination: messages that are sent again after a crash have the same positions', async () => {
  const disk = new MemoryDisk()
  const receiver = new TrimmingReceiver()
  const first = await opened(disk, receiver)
  for (const text of count(0, 20)) await during(first.platform, first.spooled.write(batchFor([text])))
  await until(first.platform, () => receiver.texts.length === 20, 'all of them')
  // The acknowledged position had not been saved.
  const second = await opened(
    disk.afterPowerCut(() => 0.9),
    receiver,
  )
  await until(second.platform, () => receiver.repeats > 0, 'what comes again')
  await during(second.platform, second.spooled.write(batchFor(['20'])))
  await until(second.platform, () => receiver.texts.length === 21, 'the new one')
  expect(receiver.texts).toEqual(count(0, 21))
})

test('destination: its marks are those of incoming streams, not of the stream of the spool', async () => {
  const receiver = new TrimmingReceiver()
  const { platform, spooled } = await opened(new MemoryDisk(), receiver)
  const incoming = 'c'.repeat(32)
  await during(platform, spooled.write(streamBatch(incoming, 500, ['1', '2'])))
  expect(await spooled.streams.marks([incoming])).toEqual(new Map([[incoming, 502]]))
  await until(platform, () => receiver.texts.length === 2, 'both')
  expect([...receiver.marks]).toEqual([[expect.not.stringContaining(incoming), 2]])
})

test('destination: if it cannot be opened, the spool is closed again', async () => {
  const receiver = new TrimmingReceiver()
  receiver.open = () => Promise.reject(new Error('no such account'))
  const platform = fakePlatform(new MemoryDisk())
  await expect(spooledOn(platform, receiver).open()).rejects.toThrow('no such account')
})

test('destination: sending continues by itself when a spool becomes readable again', async () => {
  const disk = new MemoryDisk()
  const receiver = new TrimmingReceiver()
  const { platform, spooled } = await opened(disk, receiver)
  disk.failing = (operation) => (operation === 'read' ? systemError('EIO') : undefined)
  await during(platform, spooled.write(batchFor(['1'])))
  await platform.clock.pass(5_000)
  expect(receiver.texts).toEqual([])
  expect(platform.log.lines.some(({ text }) => text.includes('cannot be read'))).toBe(true)
  disk.failing = () => undefined
  await until(platform, () => receiver.texts.length === 1, 'the message')
})

test('destination: bytes, messages and age of the spool are metrics', async () => {
  const receiver = new TrimmingReceiver()
  receiver.answers = false
  const { platform, spooled } = await opened(new MemoryDisk(), receiver)
  await during(platform, spooled.write({ ...batchFor(['1', '2']), received: platform.clock.now() }))
  await platform.clock.pass(10_000)
  const values = await platform.metrics.snapshot()
  expect(values.get('sluice_spool_messages{destination="central"}')).toBe(2)
  expect(values.get('sluice_spool_bytes{destination="central"}')).toBeGreaterThan(100)
  expect(values.get('sluice_spool_age_seconds{destination="central"}')).toBeCloseTo(10, 0)
  receiver.answer()
  await platform.clock.pass(2_000)
  expect((await platform.metrics.snapshot()).get('sluice_spool_messages{destination="central"}')).toBe(0)
})

test('drop-oldest: messages that a stop leaves undelivered are on disk or counted, also those in flight', async () => {
  for (const answers of ['gives back', 'stalls'] as const) {
    const disk = new MemoryDisk()
    const receiver = new TrimmingReceiver()
    const rejects: (() => void)[] = []
    if (answers === 'gives back') receiver.rejects = Infinity
    else receiver.write = () => new Promise((_, reject) => rejects.push(() => reject(new Error('STOPPING'))))
    receiver.close = () => {
      for (const reject of rejects) reject()
      return Promise.resolve()
    }
    const platform = fakePlatform(disk)
    const spooled = spooledOn(platform, receiver, { bytesMax: 256 * 1024, whenFull: 'drop-oldest' })
    await spooled.open()
    for (let i = 0; i < 60; i += 1) await during(platform, spooled.write(batchFor([`${i} ${'x'.repeat(12_000)}`])))
    await during(platform, spooled.close(10_000))

    const next = new TrimmingReceiver()
    const second = await opened(disk, next)
    await until(second.platform, () => next.texts.at(-1)?.startsWith('59 ') === true, 'the rest')
    const dropped = await platform.metrics.total('sluice_dropped_total')
    expect(next.texts.length, answers).toBeLessThan(60)
    expect(next.texts.length + dropped, answers).toBe(60)
  }
})

test('destination: one that is stalled for a day gets everything afterwards', async () => {
  const receiver = new TrimmingReceiver()
  receiver.rejects = Infinity
  const { platform, spooled } = await opened(new MemoryDisk(), receiver)
  for (const text of count(0, 5)) await during(platform, spooled.write(batchFor([text])))
  await platform.clock.pass(24 * 3_600_000)
  expect(receiver.texts).toEqual([])
  receiver.rejects = 0
  await until(platform, () => receiver.texts.length === 5, 'all of them')
  expect(receiver.texts).toEqual(count(0, 5))
})
