import { expect, test } from 'vitest'
import { Fault } from '../../common/fault.ts'
import { BURST_BYTES_MAX, OPEN_WRITE_BYTES_MAX } from '../../common/limits.ts'
import { Intake } from '../../common/pipeline/intake.ts'
import type { Sink } from '../../common/pipeline/sink.ts'
import { FakeClock, settle } from '../fake/clock.ts'
import { HeldSink, MemorySink } from '../fake/sink.ts'
import { platformOf } from '../listen/serving.ts'
import { origin } from './batches.ts'

const from = origin('network')

/** Adds up to `count` numbered datagrams of 1,000 bytes in one turn of the event loop, until there is no room; returns how many. */
function burst(intake: Intake, count: number): number {
  for (let i = 0; i < count; i += 1) {
    if (!intake.takes(1000)) return i
    intake.add(from, Buffer.from(String(i).padEnd(1000)), 0, 1000, 0)
  }
  return count
}

test('a burst of datagrams is written over several turns of the event loop, completely and in order', async () => {
  const sink = new MemorySink()
  const intake = new Intake('network', sink, platformOf(new FakeClock()))
  expect(burst(intake, 2000)).toBe(2000)
  // Reading the socket takes precedence over writing to destinations.
  expect(sink.texts).toEqual([])
  let turns = 0
  for (; sink.texts.length < 2000; turns += 1) await settle()
  expect(turns).toBeGreaterThan(2)
  expect(sink.texts.map(Number)).toEqual(Array.from({ length: 2000 }, (_, i) => i))
  await intake.close()
})

test('a burst is bounded even before any of it is written', async () => {
  const sink = new HeldSink()
  const intake = new Intake('network', sink, platformOf(new FakeClock()))
  const taken = burst(intake, 100_000)
  expect(taken * 1000).toBeGreaterThan(0.9 * BURST_BYTES_MAX)
  expect(taken * 1000).toBeLessThan(1.1 * BURST_BYTES_MAX)
  expect([intake.takes(1000), sink.held.length]).toEqual([false, 0])
  const closed = intake.close()
  expect(sink.held.flatMap(({ texts }) => texts).map(Number)).toEqual(Array.from({ length: taken }, (_, i) => i))
  while (sink.held.length > 0) sink.settle()
  await closed
  expect(intake.takes(1000)).toBe(true)
})

test('there is room for a burst until half of its bound is used, and none while a destination stalls', async () => {
  const sink = new HeldSink()
  const intake = new Intake('network', sink, platformOf(new FakeClock()))
  burst(intake, BURST_BYTES_MAX / 2000 - 1000)
  expect(intake.hasRoomForBurst).toBe(true)
  burst(intake, 2000)
  expect(intake.hasRoomForBurst).toBe(false)
  burst(intake, 100_000)
  // The open writes reach their bound, and not more.
  while (!intake.full) await settle()
  await settle()
  const open = sink.held.reduce((sum, { batch }) => sum + batch.count, 0)
  expect(open * 1000).toBeLessThan(1.1 * OPEN_WRITE_BYTES_MAX)
  expect([intake.hasRoomForBurst, intake.takes(1000)]).toEqual([false, false])
  // Once there is room, writing continues by itself.
  while (sink.held.length > 0) sink.settle()
  while (sink.held.length === 0) await settle()
  const closed = intake.close()
  while (sink.held.length > 0) sink.settle()
  await closed
  expect(intake.hasRoomForBurst).toBe(true)
})

test('a chunk of a connection is written after the datagrams that arrived before it', async () => {
  const sink = new MemorySink()
  const intake = new Intake('network', sink, platformOf(new FakeClock()))
  burst(intake, 1000)
  const text = Buffer.from('from a connection')
  intake.addAll(from, text, Uint32Array.of(0, text.length), Uint32Array.of(0), 1)
  expect(sink.texts.length).toBeGreaterThan(700)
  await intake.close()
  expect(sink.texts.map((line) => line.trim())).toEqual([...Array(1000).keys(), 'from a connection'].map(String))
})

test('messages that destinations reject at a stop are all counted and logged before the intake is closed', async () => {
  const sink = new HeldSink()
  const platform = platformOf(new FakeClock())
  const intake = new Intake('network', sink, platform)
  burst(intake, 2000)
  for (let writes = 0; writes < 3; writes = sink.held.length) await settle()
  const closed = intake.close()
  while (sink.held.length > 0) sink.settle(new Fault('STOPPING', 'out takes nothing more'))
  await closed
  const counted = await platform.metrics.snapshot()
  expect(counted.get('sluice_dropped_total{reason="stopping",where="network"}')).toBe(2000)
  const reason = 'STOPPING: out takes nothing more'
  expect(platform.log.lines.at(-1)).toMatchObject({
    text: 'messages dropped',
    values: { source: 'network', soFar: 2000, reason },
  })
  expect(platform.log.lines.length).toBeLessThanOrEqual(2)
})

test('of a batch that some destinations reject, the messages that they were given are counted', async () => {
  const platform = platformOf(new FakeClock())
  const sink: Sink = {
    write(batch) {
      batch.rejected = 1
      return Promise.reject(new Fault('STOPPING', 'pager takes nothing more'))
    },
  }
  const intake = new Intake('network', sink, platform)
  const text = Buffer.from('ab')
  intake.addAll(from, text, Uint32Array.of(0, 1, 1, 2), Uint32Array.of(0, 0), 2)
  await intake.close()
  expect(await platform.metrics.total('sluice_dropped_total')).toBe(1)
})
