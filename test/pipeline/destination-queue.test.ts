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

// Long enough to count the bytes of its message, and no more.
const of = (text: string) => batch([{ texts: [text.repeat(100)] }])
const unrepeated = (text: string) => text.slice(0, text.length / 100)

test('writes over the bound wait, and go on in the order they came', async () => {
  const { sink, queue: line } = queue(10)
  const order: string[] = []
  for (const text of ['aaaaaa', 'bbbb', 'cccc', 'd']) void line.write(of(text)).then(() => order.push(text[0]))
  expect(sink.held.map(({ texts }) => unrepeated(texts[0]))).toEqual(['aaaaaa', 'bbbb'])
  sink.settle()
  await settle()
  // `d` would have fitted before, but nothing overtakes.
  expect(sink.held.map(({ texts }) => unrepeated(texts[0]))).toEqual(['bbbb', 'cccc', 'd'])
  for (let i = 0; i < 3; i += 1) sink.settle()
  await settle()
  expect(order).toEqual(['a', 'b', 'c', 'd'])
})

test('a write that comes while the line is being let go does not overtake it', async () => {
  const { sink, queue: line } = queue(4)
  void line.write(of('aaaa'))
  void line.write(of('bbbb'))
  sink.settle()
  // In the same turn, before any promise callback has run.
  void line.write(of('c'))
  await settle()
  expect(sink.held.map(({ texts }) => unrepeated(texts[0]))).toEqual(['bbbb'])
})

test('a batch counts what is kept about its messages where that is more than their bytes', () => {
  const { sink, queue: line } = queue(10)
  const many = () => batch([{ texts: Array<string>(8).fill('') }])
  for (let i = 0; i < 3; i += 1) void line.write(many())
  expect(sink.held).toHaveLength(1)
})

test('a batch larger than the queue goes when the queue is empty', async () => {
  const { sink, queue: line } = queue(4)
  void line.write(of('much larger'))
  expect(sink.held).toHaveLength(1)
})

test('a rejection reaches the writer and makes room', async () => {
  const { sink, queue: line } = queue(4)
  const first = line.write(of('aaaa'))
  void line.write(of('bbbb'))
  sink.settle(new Error('no'))
  await expect(first).rejects.toThrow('no')
  expect(sink.held.map(({ texts }) => unrepeated(texts[0]))).toEqual(['bbbb'])
})

test('being full is said once, by name, after a second, and its end too', async () => {
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

test('after stop nothing new reaches the destination, and what waits is rejected', async () => {
  const { sink, queue: line } = queue(4)
  void line.write(of('aaaa'))
  const waiting = line.write(of('bbbb'))
  line.stop()
  await expect(waiting).rejects.toMatchObject({ code: 'STOPPING' })
  await expect(line.write(of('c'))).rejects.toMatchObject({ code: 'STOPPING' })
  expect(sink.held).toHaveLength(1)
})

test('what a destination has acknowledged is counted by its name', async () => {
  const { sink, queue: line, metrics } = queue(100)
  const write = line.write(batch([{ texts: ['a', 'b', 'c'] }]))
  sink.settle()
  await write
  expect((await metrics.snapshot()).get('sluice_stored_total{destination="central"}')).toBe(3)
})

test('what a destination acknowledges and has dropped is not counted as stored, whichever of the two it does first', async () => {
  const { sink, queue: line, metrics } = queue(100)
  const stored = async () => (await metrics.snapshot()).get('sluice_stored_total{destination="central"}')
  const dropping = Object.assign(sink, { dropped: 0 })
  const writes = ['a', 'b', 'c'].map((text) => line.write(batch([{ texts: [text, text, text] }])))
  // One of the first batch, and all but one of the second, which is acknowledged later.
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
