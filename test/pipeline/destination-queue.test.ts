import { expect, test } from 'vitest'
import { createMetrics } from '../../common/metric.ts'
import { DestinationQueue } from '../../common/pipeline/destination-queue.ts'
import { FakeClock, settle } from '../fake/clock.ts'
import { fakeLog } from '../fake/log.ts'
import { HeldSink } from '../fake/sink.ts'
import { batch } from './batches.ts'

function queue(bytesMax: number) {
  const sink = new HeldSink('central')
  const surroundings = { clock: new FakeClock(), log: fakeLog(), metrics: createMetrics() }
  return { sink, ...surroundings, queue: new DestinationQueue(sink, surroundings, 100 * bytesMax) }
}

// Repeats the text, so that the weight of the batch is its bytes and not its metadata.
const of = (text: string) => batch([{ texts: [text.repeat(100)] }])
const unrepeated = (text: string) => text.slice(0, text.length / 100)

test('writes beyond the bound wait, and continue in the order in which they were made', async () => {
  const { sink, queue: line } = queue(10)
  const order: string[] = []
  for (const text of ['aaaaaa', 'bbbb', 'cccc', 'd']) void line.write(of(text)).then(() => order.push(text[0]))
  expect(sink.held.map(({ texts }) => unrepeated(texts[0]))).toEqual(['aaaaaa', 'bbbb'])
  sink.settle()
  await settle()
  // `d` would have fitted earlier, but no write overtakes another.
  expect(sink.held.map(({ texts }) => unrepeated(texts[0]))).toEqual(['bbbb', 'cccc', 'd'])
  for (let i = 0; i < 3; i += 1) sink.settle()
  await settle()
  expect(order).toEqual(['a', 'b', 'c', 'd'])
})

test('a write made while waiting writes continue does not overtake them', async () => {
  const { sink, queue: line } = queue(4)
  void line.write(of('aaaa'))
  void line.write(of('bbbb'))
  sink.settle()
  // In the same turn, before any promise callback has run.
  void line.write(of('c'))
  await settle()
  expect(sink.held.map(({ texts }) => unrepeated(texts[0]))).toEqual(['bbbb'])
})

test('a batch counts with the size of its metadata if that is larger than its messages', () => {
  const { sink, queue: line } = queue(10)
  const many = () => batch([{ texts: Array<string>(8).fill('') }])
  for (let i = 0; i < 3; i += 1) void line.write(many())
  expect(sink.held).toHaveLength(1)
})

test('a batch larger than the whole queue is written when the queue is empty', async () => {
  const { sink, queue: line } = queue(4)
  void line.write(of('much larger'))
  expect(sink.held).toHaveLength(1)
})

test('a rejected write rejects its caller and makes room for the next one', async () => {
  const { sink, queue: line } = queue(4)
  const first = line.write(of('aaaa'))
  void line.write(of('bbbb'))
  sink.settle(new Error('no'))
  await expect(first).rejects.toThrow('no')
  expect(sink.held.map(({ texts }) => unrepeated(texts[0]))).toEqual(['bbbb'])
})

test('a queue that has been full for a second is logged once, with its destination, and so is the end of that state', async () => {
  const { sink, queue: line, clock, log, metrics } = queue(4)
  void line.write(of('aaaa'))
  void line.write(of('bbbb'))
  void line.write(of('cccc'))
  await clock.pass(999)
  expect(log.lines).toEqual([])
  await clock.pass(5_000)
  expect(log.lines).toMatchObject([{ level: 'warn', values: { destination: 'central' } }])
  for (let i = 0; i < 3; i += 1) {
    sink.settle()
    await settle()
  }
  expect(log.lines).toHaveLength(2)
  expect(await metrics.total('sluice_braked_seconds_total')).toBeCloseTo(5.999)
})

test('the time for which sources wait is counted at each report, and at a stop, not only when it is over', async () => {
  const { queue: line, clock, metrics } = queue(4)
  void line.write(of('aaaa'))
  const waiting = line.write(of('bbbb'))
  const counted: number[] = []
  for (const ms of [60_000, 60_000]) {
    await clock.pass(ms)
    line.measure()
    counted.push(await metrics.total('sluice_braked_seconds_total'))
  }
  await clock.pass(5_000)
  line.stop()
  await expect(waiting).rejects.toMatchObject({ code: 'STOPPING' })
  await clock.pass(5_000)
  line.measure()
  counted.push(await metrics.total('sluice_braked_seconds_total'))
  expect(counted).toEqual([60, 120, 125])
})

test('after stop, waiting and new writes are rejected and do not reach the destination', async () => {
  const { sink, queue: line } = queue(4)
  void line.write(of('aaaa'))
  const waiting = line.write(of('bbbb'))
  line.stop()
  await expect(waiting).rejects.toMatchObject({ code: 'STOPPING' })
  await expect(line.write(of('c'))).rejects.toMatchObject({ code: 'STOPPING' })
  expect(sink.held).toHaveLength(1)
})

test('acknowledged messages are counted as stored, with the name of the destination', async () => {
  const { sink, queue: line, metrics } = queue(100)
  const write = line.write(batch([{ texts: ['a', 'b', 'c'] }]))
  sink.settle()
  await write
  expect((await metrics.snapshot()).get('sluice_stored_total{destination="central"}')).toBe(3)
})

test('messages that a destination dropped and acknowledged are not counted as stored, whichever comes first', async () => {
  const { sink, queue: line, metrics } = queue(100)
  const stored = async () => (await metrics.snapshot()).get('sluice_stored_total{destination="central"}')
  const dropping = Object.assign(sink, { dropped: 0 })
  const writes = ['a', 'b', 'c'].map((text) => line.write(batch([{ texts: [text, text, text] }])))
  // One message of the first batch, and two of the second, which is acknowledged later.
  dropping.dropped = 3
  sink.settle()
  await writes[0]
  sink.settle()
  await writes[1]
  expect(await stored()).toBe(3)
  dropping.dropped = 4
  sink.settle()
  await writes[2]
  expect(await stored()).toBe(5)
})

test('the bytes that have not settled are a metric: what the destination has, and what waits for room', async () => {
  const { sink, queue: line, metrics } = queue(4)
  const bytes = async () => {
    line.measure()
    return metrics.total('sluice_queue_bytes')
  }
  for (const text of ['aaaa', 'bb']) void line.write(of(text))
  expect(await bytes()).toBe(600)
  sink.settle()
  await settle()
  expect(await bytes()).toBe(200)
  sink.settle()
  await settle()
  expect(await bytes()).toBe(0)
})
