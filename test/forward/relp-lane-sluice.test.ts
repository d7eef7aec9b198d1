// The RELP lane to another sluice: its own listener.

import { expect, test, vi } from 'vitest'
import { syslogSource } from '../../collector/listen/syslog-source.ts'
import { CONNECT_WAIT_MS } from '../../common/limits.ts'
import { utc } from '../../common/message/zone.ts'
import type { Batch, StreamRange } from '../../common/pipeline/batch.ts'
import type { Sink, StreamMarks } from '../../common/pipeline/sink.ts'
import type { Receivers } from '../../shipper/forward/receivers.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { textsOf } from '../fake/sink.ts'

import { ID, laneTo, of, PORT, surroundings, WAIT, type Surroundings } from './relp-surroundings.ts'

/** A sink that keeps marks as a durable one does, and drops repeats. */
class DurableSink implements Sink {
  readonly texts: string[] = []
  readonly sources: string[] = []
  readonly known = new Map<string, number>()
  readonly batches: Batch[] = []
  repeats = 0
  /** Number of writes that settle; all later ones never do, although they are stored. */
  answersLeft = Infinity
  readonly streams: StreamMarks = {
    marks: (ids) => Promise.resolve(new Map([...this.known].filter(([id]) => ids.includes(id)))),
    retire: (ids) => Promise.resolve(ids.forEach((id) => this.known.delete(id))),
  }

  write(batch: Batch): Promise<void> {
    this.batches.push(batch)
    const texts = textsOf(batch)
    let i = 0
    for (const { count, origin, stream } of batch.runs) {
      const mark = stream ? (this.known.get(stream.id) ?? -1) : -1
      for (let at = 0; at < count; at += 1, i += 1) {
        if (stream && stream.from + stream.ends[at] <= mark) this.repeats += 1
        else {
          this.texts.push(texts[i])
          this.sources.push(origin.source)
        }
      }
      if (stream) this.known.set(stream.id, Math.max(mark, stream.to))
    }
    this.answersLeft -= 1
    return this.answersLeft >= 0 ? Promise.resolve() : new Promise(() => {})
  }
}

async function sluice({ platform }: Surroundings, sink: Sink, port = PORT) {
  const context = {
    ...{ name: 'network', platform, dataFolder: '/nowhere', hostName: 'h' },
    ...{ messageBytesMax: 1024 * 1024, localZone: utc },
  }
  const source = syslogSource.create(syslogSource.options.parse({ listen: [`relp://0.0.0.0:${port}`] }), context)
  await source.open()
  const abort = new AbortController()
  void source.run(sink, abort.signal)
  return { abort }
}

/** An open lane to a sluice that stores in `sink`. */
async function connected() {
  const around = surroundings()
  const sink = new DurableSink()
  await sluice(around, sink)
  const { lane } = laneTo(around)
  await lane.open()
  return { around, sink, lane }
}

function inStream(messages: string[], from: number): Batch {
  let end = 0
  const ends = Float64Array.from(messages, (message) => (end += message.length + 1))
  const stream: StreamRange = { id: ID, from, to: from + end, ends }
  const origin = originOf({ source: 'apps' })
  return { ...batchOf(messages, origin, 7), runs: [{ count: messages.length, origin, stream }] }
}

test('small batches written together are one frame, with their sources, times of receipt and positions', async () => {
  const { lane, sink } = await connected()
  await Promise.all([lane.write(inStream(['GET /a'], 100)), lane.write(inStream(['GET /b'], 107)), lane.write(of('x'))])
  expect(sink.texts).toEqual(['GET /a', 'GET /b', 'x'])
  expect(sink.batches).toHaveLength(1)
  const { runs } = sink.batches[0]
  expect(runs.map(({ origin, received }) => [origin.source, received])).toEqual([
    ['apps', 7],
    ['apps', 7],
    ['network', 0],
  ])
  expect(runs[1].stream).toMatchObject({ id: ID, from: 107, to: 114 })
})

test('a batch larger than a frame is split, and settles when all of it is stored', async () => {
  const { lane, sink } = await connected()
  const messages = Array.from({ length: 9_000 }, (_, i) => `<13>${i} ${'x'.repeat(i % 200)}`)
  await lane.write(inStream(messages, 0))
  expect(sink.texts).toEqual(messages)
  expect(sink.batches.length).toBeGreaterThan(2)
  expect(sink.known.get(ID)).toBe(messages.reduce((sum, { length }) => sum + length + 1, 0))
})

test('messages of the network have a position each, also many of one sender, or of more senders than a frame may have', async () => {
  const { lane, sink } = await connected()
  const many = Array.from({ length: 9_000 }, (_, i) => `<13>${i}`)
  await lane.write(of(...many))
  expect(sink.texts).toEqual(many)
  const ranges = sink.batches.flatMap(({ runs }) => runs.map(({ stream }) => stream!))
  const positions = ranges.flatMap(({ from, ends }) => Array.from(ends, (end) => from + end - ranges[0].from))
  expect(positions).toEqual(many.map((_, i) => i + 1))
  const frames = sink.batches.length
  const whole = of(...many)
  const senders = ['a', 'b'].map((source) => originOf({ source }))
  const stream = { id: ID, from: 0, to: 7, ends: new Float64Array() }
  const runs = many.map((_, i) => ({ count: 1, origin: senders[i % 2] }))
  await lane.write({ ...whole, runs: [...runs, { count: 0, origin: senders[0], stream }] })
  expect(sink.texts).toEqual([...many, ...many])
  expect(sink.sources.slice(-4)).toEqual(['a', 'b', 'a', 'b'])
  expect(sink.batches.length).toBeGreaterThan(frames + 1)
  expect(sink.known.get(ID)).toBe(7)
})

test('a message with a line feed arrives as it is, in one frame with messages that are known to be single lines', async () => {
  const { lane, sink } = await connected()
  const single = (batch: Batch): Batch => ({ ...batch, singleLines: true })
  await Promise.all([lane.write(single(inStream(['a', 'b'], 0))), lane.write(of('c\nd')), lane.write(single(of('e')))])
  expect(sink.texts).toEqual(['a', 'b', 'c\nd', 'e'])
  expect(sink.batches).toHaveLength(1)
  await lane.write(single(inStream(['f', 'g'], 4)))
  expect(sink.texts.slice(4)).toEqual(['f', 'g'])
})

test('a batch without messages advances the mark of its stream', async () => {
  const { lane, sink } = await connected()
  const origin = originOf()
  const stream = { id: ID, from: 0, to: 500, ends: new Float64Array() }
  await lane.write({ ...batchOf([], origin, 0), runs: [{ count: 0, origin, stream }] })
  expect(sink.known.get(ID)).toBe(500)
})

test('after a lost connection only messages after the mark are sent, and the others settle', async () => {
  const around = surroundings()
  const sink = new DurableSink()
  sink.answersLeft = 1
  await sluice(around, sink)
  const { lane } = laneTo(around)
  await lane.open()
  await lane.write(inStream(['a'], 0))
  const writes = [lane.write(inStream(['b'], 2)), lane.write(of('own'))]
  await expect.poll(() => sink.texts, WAIT).toEqual(['a', 'b', 'own'])
  writes.push(lane.write(inStream(['c'], 4)), lane.write(of('own too')))
  around.net.resetAll()
  sink.answersLeft = Infinity
  await around.clock.pass(1_000)
  await expect.poll(async () => (await around.clock.pass(1_000), sink.texts.length), WAIT).toBe(5)
  await Promise.all(writes)
  expect(sink.texts).toEqual(['a', 'b', 'own', 'c', 'own too'])
  expect(sink.repeats).toBe(0)
  expect(await around.metrics.total('sluice_in_doubt_total')).toBe(0)
})

test('connection resets at any time lose and duplicate nothing', async () => {
  const { around, lane, sink } = await connected()
  const sent: string[] = []
  const writes: Promise<void>[] = []
  let position = 0
  for (let i = 0; i < 300; i += 1) {
    const messages = Array.from({ length: (i * 7) % 5 }, (_, j) => `<13>${i}.${j}`)
    if (i % 2 === 0) {
      const batch = inStream(messages, position)
      position = batch.runs[0].stream!.to
      writes.push(lane.write(batch))
    } else writes.push(lane.write(of(...messages)))
    sent.push(...messages)
    if (i % 13 === 0) around.net.resetAll()
    if (i % 3 === 0) await around.clock.pass(400)
  }
  const all = Promise.all(writes)
  await expect.poll(async () => (await around.clock.pass(40_000), sink.texts.length), WAIT).toBe(sent.length)
  await all
  expect(sink.texts).toEqual(sent)
})

test('marks are queried and streams retired at the receiver, also more than fit into one command', async () => {
  const { lane, sink } = await connected()
  const ids = Array.from({ length: 2500 }, (_, i) => i.toString(16).padStart(32, '0'))
  for (const [i, id] of ids.entries()) sink.known.set(id, i * 1e12)
  expect(await lane.streams!.marks([ID, ...ids])).toEqual(new Map(ids.map((id, i) => [id, i * 1e12])))
  await lane.streams!.retire(ids)
  expect(sink.known.size).toBe(0)
})

test('callers whose query for marks timed out are not kept until the receiver comes back', async () => {
  const around = surroundings()
  const { clock, platform } = around
  let lateCancels = 0
  const after: typeof clock.after = (ms, call) => {
    let isOver = false
    const cancel = clock.after(ms, () => {
      isOver = true
      call()
    })
    return () => {
      if (isOver) lateCancels += 1
      cancel()
    }
  }
  platform.clock = Object.assign(Object.create(clock) as typeof clock, { after, pass: clock.pass.bind(clock) })
  for (const name of ['now', 'monotonicMs', 'soon'] as const)
    Object.assign(platform.clock, { [name]: clock[name].bind(clock) })
  const { lane, health } = laneTo(around)
  await lane.open()
  const asked = Promise.allSettled(Array.from({ length: 100 }, () => lane.streams!.marks([ID])))
  await expect.poll(async () => (await clock.pass(1_000), health.includes(false)), WAIT).toBe(true)
  await clock.pass(CONNECT_WAIT_MS)
  expect((await asked).every(({ status }) => status === 'rejected')).toBe(true)
  lateCancels = 0
  await sluice(around, new DurableSink())
  await expect.poll(async () => (await clock.pass(1_000), health.at(-1)), WAIT).toBe(true)
  expect(lateCancels).toBeLessThan(10)
})

test('the lane retires its own stream when it is closed', async () => {
  const { lane, sink } = await connected()
  await lane.write(of('<13>a'))
  expect(sink.known.size).toBe(1)
  await lane.close(5_000)
  expect(sink.known.size).toBe(0)
})

test('a receiver that stops and starts again gets every message once', async () => {
  const around = surroundings()
  const sink = new DurableSink()
  const { abort } = await sluice(around, sink)
  const { lane } = laneTo(around)
  await lane.open()
  await lane.write(of('<13>a'))
  abort.abort()
  await expect.poll(() => around.log.lines.some(({ text }) => text.endsWith('lost')), WAIT).toBe(true)
  const write = lane.write(of('<13>b'))
  await sluice(around, sink)
  await around.clock.pass(1_000)
  await write
  expect(sink.texts).toEqual(['<13>a', '<13>b'])
})

test('a configured format is also used for another sluice', async () => {
  const around = surroundings()
  const sink = new DurableSink()
  await sluice(around, sink)
  const { lane } = laneTo(around, 'rfc5424')
  await lane.open()
  await lane.write(of('<13>Oct 11 22:14:15 web su: hello'))
  expect(sink.texts[0]).toMatch(/^<13>1 \S+ web su - - - hello$/)
})

/** Two sluices, at `PORT` and the next one; the first answers only one batch. */
async function twoSluices() {
  const around = surroundings()
  const [first, second] = [new DurableSink(), new DurableSink()]
  first.answersLeft = 1
  await sluice(around, first)
  await sluice(around, second, PORT + 1)
  return { around, first, second }
}

type TwoSluices = Awaited<ReturnType<typeof twoSluices>>

/** Sends four messages, three of which the first sluice stores and does not answer; after `lose`, they have to reach the second one. */
async function expectMoved({ around, first, second }: TwoSluices, lane: Receivers, lose: () => void): Promise<void> {
  await lane.open()
  await lane.write(inStream(['a'], 0))
  const writes = [lane.write(inStream(['b', 'c'], 2)), lane.write(of('x'))]
  await vi.waitFor(() => expect(first.texts).toEqual(['a', 'b', 'c', 'x']), WAIT)
  lose()
  await vi.waitFor(async () => {
    await around.clock.pass(500)
    expect(second.texts).toEqual(['b', 'c', 'x'])
  }, WAIT)
  await Promise.all(writes)
  expect(await around.metrics.total('sluice_in_doubt_total')).toBe(3)
}

test('unanswered batches of a lost sluice go to another one, which stores each message once, and are counted as in doubt', async () => {
  const two = await twoSluices()
  const { net } = two.around
  const { lane } = laneTo(two.around, 'received', [PORT, PORT + 1])
  await expectMoved(two, lane, () => {
    net.refuse(PORT)
    // This closes the connection to the second receiver too, which comes back.
    net.resetAll()
  })
  expect(await lane.streams!.marks([ID])).toEqual(new Map([[ID, 6]]))
})

test('if the name of a receiver leads to another sluice next time, unanswered messages go there and are counted as in doubt', async () => {
  const two = await twoSluices()
  const { net } = two.around
  const connect = net.connect.bind(net)
  const ports = [PORT, PORT + 1]
  net.connect = (to, signal) => connect({ ...to, port: ports.shift()! }, signal)
  const { lane } = laneTo(two.around)
  await expectMoved(two, lane, () => net.resetAll())
})

test('what a sluice has not answered at a stop is in doubt if another receiver may get it after the next start', async () => {
  for (const [ports, inDoubt] of [
    [[PORT, PORT + 1], 3],
    [[PORT], 0],
  ] as const) {
    const { around, first } = await twoSluices()
    const { lane } = laneTo(around, 'received', [...ports])
    await lane.open()
    await lane.write(inStream(['a'], 0))
    const writes = Promise.allSettled([lane.write(inStream(['b', 'c'], 2)), lane.write(of('x'))])
    await vi.waitFor(() => expect(first.texts).toEqual(['a', 'b', 'c', 'x']), WAIT)
    await lane.close(0)
    await writes
    expect(await around.metrics.total('sluice_in_doubt_total')).toBe(inDoubt)
  }
})
