// The RELP lane on a network in memory: against a receiver that the test plays, and against our own.

import { expect, onTestFinished, test } from 'vitest'
import { syslogSource } from '../../collector/listen/syslog-source.ts'
import { utc } from '../../common/message/zone.ts'
import { createMetrics } from '../../common/metric.ts'
import type { Connection } from '../../common/net/net.ts'
import type { Batch, StreamRange } from '../../common/pipeline/batch.ts'
import type { Sink, StreamMarks } from '../../common/pipeline/sink.ts'
import { systemPlatform } from '../../common/platform.ts'
import { FrameReader } from '../../common/relp/frame-reader.ts'
import { RelpLane } from '../../shipper/forward/relp-lane.ts'
import { WireEncoder, type WireFormat } from '../../shipper/forward/wire-encoder.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { FakeClock } from '../fake/clock.ts'
import { fakeLog } from '../fake/log.ts'
import { FakeNet } from '../fake/net.ts'
import { textsOf } from '../fake/sink.ts'

const PORT = 2514
const WAIT = { timeout: 20_000 }
const ID = '0123456789abcdef0123456789abcdef'

function surroundings() {
  const net = new FakeNet()
  const clock = new FakeClock()
  const metrics = createMetrics()
  const log = fakeLog()
  return { net, clock, metrics, log, platform: { ...systemPlatform(log, metrics), net, clock } }
}

type Surroundings = ReturnType<typeof surroundings>

function laneTo({ platform }: Surroundings, format: WireFormat = 'received') {
  const health: boolean[] = []
  const encoder = new WireEncoder(format, 'octet', platform.random)
  const lane = new RelpLane('up', { host: 'h', port: PORT }, encoder, platform, (is) => health.push(is))
  onTestFinished(() => void lane.close(0)) // its deadline is the fake clock's
  return { lane, health }
}

/** A plain RELP receiver that does what the test says. */
async function plainReceiver({ net }: Surroundings, commands = 'syslog') {
  const got: { txnr: number; command: string; data: string }[] = []
  const open: Connection[] = []
  const state = { opens: true, answers: true, connection: undefined as Connection | undefined }
  const answer = (txnr: number, text = '200 OK') =>
    state.connection!.write(Buffer.from(`${txnr} rsp ${text.length} ${text}\n`))
  const listener = await net.listen({ host: 'h', port: PORT }, (connection) => {
    open.push(connection)
    state.connection = connection
    const reader = new FrameReader(1 << 24)
    connection.start({
      data(chunk) {
        reader.feed(chunk)
        while (reader.next() === 'frame') {
          const { txnr, command, bytes, start, end } = reader
          if (command === 'open' && state.opens) {
            void answer(txnr, `200 OK\nrelp_version=0\nrelp_software=librelp,1.11.0\ncommands=${commands}`)
          } else if (command !== 'open') {
            got.push({ txnr, command, data: bytes.toString('latin1', start, end) })
            if (state.answers) void answer(txnr).catch(() => {})
          }
        }
      },
      end: () => connection.end(),
      close: () => {},
    })
  })
  const texts = () => got.filter(({ command }) => command === 'syslog').map(({ data }) => data)
  return { got, texts, open, state, answer, listener }
}

const of = (...messages: string[]) => batchOf(messages, originOf(), 0)

test('to a plain receiver a write settles when all its messages are answered', async () => {
  const around = surroundings()
  const receiver = await plainReceiver(around)
  receiver.state.answers = false
  const { lane, health } = laneTo(around)
  await lane.open()
  const order: number[] = []
  void lane.write(of('<13>a', '<13>b')).then(() => order.push(1))
  void lane.write(of('<13>c')).then(() => order.push(2))
  await expect.poll(receiver.texts, WAIT).toEqual(['<13>a', '<13>b', '<13>c'])
  expect(health).toEqual([true])
  expect(receiver.got.map(({ txnr }) => txnr)).toEqual([2, 3, 4])
  await receiver.answer(2)
  await receiver.answer(4)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(order).toEqual([])
  await receiver.answer(3)
  await expect.poll(() => order, WAIT).toEqual([1, 2])
})

test('no more than 128 messages are unanswered, and an empty batch settles in its turn', async () => {
  const around = surroundings()
  const receiver = await plainReceiver(around)
  receiver.state.answers = false
  const { lane } = laneTo(around)
  await lane.open()
  const messages = Array.from({ length: 300 }, (_, i) => `<13>${i}`)
  const settled = Promise.all([lane.write(of(...messages)), lane.write(of()), lane.write(of('<13>last'))])
  await expect.poll(() => receiver.got.length, WAIT).toBe(128)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(receiver.got.length).toBe(128)
  receiver.state.answers = true
  for (const { txnr } of [...receiver.got]) await receiver.answer(txnr)
  await settled
  expect(receiver.texts()).toEqual([...messages, '<13>last'])
})

test('a message without a header gets one for a plain receiver; formats are written', async () => {
  const around = surroundings()
  const receiver = await plainReceiver(around)
  const { lane } = laneTo(around)
  await lane.open()
  const origin = originOf({ lines: 'text', program: Buffer.from('nginx'), host: Buffer.from('web-1') })
  await lane.write(batchOf(['GET /'], origin, 0))
  expect(receiver.texts()[0]).toMatch(/^<13>1 1970-01-01T\S+ web-1 nginx - - - GET \/$/)
})

test('what a plain receiver refuses is counted and never sent again', async () => {
  const around = surroundings()
  const receiver = await plainReceiver(around)
  receiver.state.answers = false
  const { lane } = laneTo(around)
  await lane.open()
  const settled = lane.write(of('<13>a', '<13>b'))
  await expect.poll(() => receiver.got.length, WAIT).toBe(2)
  await receiver.answer(2, '500 no')
  await receiver.answer(3)
  await settled
  expect((await around.metrics.snapshot()).get('sluice_dropped_total{reason="relp_refused",where="up"}')).toBe(1)
})

test('after a reset everything unanswered goes to a plain receiver again, and is counted as in doubt', async () => {
  const around = surroundings()
  const receiver = await plainReceiver(around)
  receiver.state.answers = false
  const { lane, health } = laneTo(around)
  await lane.open()
  const settled = Promise.all([lane.write(of('<13>a', '<13>b')), lane.write(of('<13>c'))])
  await expect.poll(() => receiver.got.length, WAIT).toBe(3)
  await receiver.answer(2)
  await expect.poll(() => around.net, WAIT).toBeDefined()
  await new Promise((resolve) => setTimeout(resolve, 20))
  around.net.resetAll()
  await expect.poll(() => health.at(-1), WAIT).toBe(false)
  receiver.got.length = 0
  receiver.state.answers = true
  await around.clock.pass(1_000)
  await settled
  expect(receiver.texts()).toEqual(['<13>b', '<13>c'])
  expect(await around.metrics.total('sluice_in_doubt_total')).toBe(2)
  expect(health).toEqual([true, false, true])
})

test('a receiver that is gone without a word is given up after 90 s without an answer', async () => {
  const around = surroundings()
  const receiver = await plainReceiver(around)
  receiver.state.answers = false
  const { lane } = laneTo(around)
  await lane.open()
  const settled = lane.write(of('<13>a'))
  await expect.poll(() => receiver.got.length, WAIT).toBe(1)
  await around.clock.pass(89_000)
  expect(receiver.open).toHaveLength(1)
  receiver.state.answers = true
  await around.clock.pass(2_000)
  await settled
  expect(receiver.open).toHaveLength(2)
})

const strange: [what: string, bytes: string][] = [
  ['text', 'hello there\n'],
  ['a command', '1 syslog 1 a\n'],
  ['an answer to nothing', '77 rsp 6 200 OK\n'],
  ['a refusal to open', '1 rsp 6 500 no\n'],
  ['an answer without a code', '1 rsp 2 OK\n'],
  ['offers without syslog', '1 rsp 30 200 OK\nrelp_version=0\ncommands=\n'],
  ['a frame of a gigabyte', '1 rsp 999999999 200'],
  ['serverclose', '0 serverclose 0\n'],
]

test.each(strange)('a receiver that says %s is left, and tried again', async (_, bytes) => {
  const around = surroundings()
  const receiver = await plainReceiver(around)
  receiver.state.opens = false
  const { lane } = laneTo(around)
  await lane.open()
  const settled = lane.write(of('<13>a'))
  await expect.poll(() => receiver.open.length, WAIT).toBe(1)
  await receiver.open[0].write(Buffer.from(bytes))
  await expect.poll(() => around.log.lines.some(({ text }) => text.endsWith('lost')), WAIT).toBe(true)
  receiver.state.opens = true
  await around.clock.pass(1_000)
  await settled
  expect(receiver.texts()).toEqual(['<13>a'])
})

test('close waits for answers, says close, and takes nothing more', async () => {
  const around = surroundings()
  const receiver = await plainReceiver(around)
  const { lane } = laneTo(around)
  await lane.open()
  const write = lane.write(of('<13>a'))
  await lane.close(5_000)
  await write
  expect(receiver.got.map(({ command }) => command)).toEqual(['syslog', 'close'])
  await expect(lane.write(of('<13>b'))).rejects.toMatchObject({ code: 'STOPPING' })
})

test('close rejects what was not answered by the deadline', async () => {
  const around = surroundings()
  const receiver = await plainReceiver(around)
  receiver.state.answers = false
  const { lane } = laneTo(around)
  await lane.open()
  const rejected = expect(lane.write(of('<13>a'))).rejects.toMatchObject({ code: 'STOPPING' })
  await expect.poll(() => receiver.got.length, WAIT).toBe(1)
  const closed = lane.close(5_000)
  await around.clock.pass(5_000)
  await closed
  await rejected
})

test('of streams a plain receiver knows nothing, and none that is not there can be asked', async () => {
  const around = surroundings()
  const { lane } = laneTo(around)
  const asked = expect(lane.streams.marks([ID])).rejects.toMatchObject({ code: 'CONNECTION_LOST', retryable: true })
  await around.clock.pass(10_000)
  await asked
  await plainReceiver(around)
  await lane.open()
  expect(await lane.streams.marks([ID])).toEqual(new Map())
  await lane.streams.join(new Map([[ID, 0]]))
})

// ── to another sluice ──

/** A sink that keeps marks as a durable one does: repeats are trimmed, and a crash forgets what was not committed. */
class DurableSink implements Sink {
  readonly texts: string[] = []
  readonly sources: string[] = []
  readonly known = new Map<string, number>()
  readonly batches: Batch[] = []
  repeats = 0
  /** Writes beyond so many are never answered, though they may have been kept. */
  answersLeft = Infinity
  readonly streams: StreamMarks = {
    marks: (ids) => Promise.resolve(new Map([...this.known].filter(([id]) => ids.includes(id)))),
    join: (begins) => Promise.resolve(begins.forEach((at, id) => this.known.has(id) || this.known.set(id, at))),
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

async function sluice({ platform }: Surroundings, sink: Sink) {
  const context = {
    ...{ name: 'network', platform, dataFolder: '/nowhere', hostName: 'h' },
    ...{ messageBytesMax: 1024 * 1024, localZone: utc },
  }
  const source = syslogSource.create(syslogSource.options.parse({ listen: [`relp://0.0.0.0:${PORT}`] }), context)
  await source.open()
  const abort = new AbortController()
  void source.run(sink, abort.signal)
  return { abort }
}

function inStream(messages: string[], from: number, source = 'apps'): Batch {
  let end = 0
  const ends = Float64Array.from(messages, (message) => (end += message.length + 1))
  const stream: StreamRange = { id: ID, from, to: from + end, ends }
  const origin = originOf({ source })
  return { ...batchOf(messages, origin, 7), runs: [{ count: messages.length, origin, stream }] }
}

test('between two sluices small batches of a turn are one frame, with sources, receipt and positions', async () => {
  const around = surroundings()
  const sink = new DurableSink()
  await sluice(around, sink)
  const { lane } = laneTo(around)
  await lane.open()
  await Promise.all([lane.write(inStream(['GET /a'], 100)), lane.write(inStream(['GET /b'], 107)), lane.write(of('x'))])
  expect(sink.texts).toEqual(['GET /a', 'GET /b', 'x'])
  expect(sink.batches).toHaveLength(1)
  const { runs } = sink.batches[0]
  expect(runs.map(({ origin }) => [origin.source, origin.received])).toEqual([
    ['apps', 7],
    ['apps', 7],
    ['network', 0],
  ])
  expect(runs[1].stream).toMatchObject({ id: ID, from: 107, to: 114 })
})

test('a batch larger than a frame is cut, and settles when all of it is kept', async () => {
  const around = surroundings()
  const sink = new DurableSink()
  await sluice(around, sink)
  const { lane } = laneTo(around)
  await lane.open()
  const messages = Array.from({ length: 9_000 }, (_, i) => `<13>${i} ${'x'.repeat(i % 200)}`)
  await lane.write(inStream(messages, 0))
  expect(sink.texts).toEqual(messages)
  expect(sink.batches.length).toBeGreaterThan(2)
  expect(sink.known.get(ID)).toBe(messages.reduce((sum, { length }) => sum + length + 1, 0))
})

test('an empty batch carries its range', async () => {
  const around = surroundings()
  const sink = new DurableSink()
  await sluice(around, sink)
  const { lane } = laneTo(around)
  await lane.open()
  const origin = originOf()
  const stream = { id: ID, from: 0, to: 500, ends: new Float64Array() }
  await lane.write({ ...batchOf([], origin, 0), runs: [{ count: 0, origin, stream }] })
  expect(sink.known.get(ID)).toBe(500)
})

test('after a loss nothing comes twice: what is behind the mark is sent, the rest settles', async () => {
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

test('resets at any time lose nothing and double nothing', async () => {
  const around = surroundings()
  const sink = new DurableSink()
  await sluice(around, sink)
  const { lane } = laneTo(around)
  await lane.open()
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
}, 60_000)

test('marks, joins and ends of streams pass through to the receiver', async () => {
  const around = surroundings()
  const sink = new DurableSink()
  await sluice(around, sink)
  const { lane } = laneTo(around)
  await lane.open()
  const ids = Array.from({ length: 2500 }, (_, i) => i.toString(16).padStart(32, '0'))
  await lane.streams.join(new Map(ids.map((id, i) => [id, i * 1e12])))
  expect(sink.known.size).toBe(2500)
  expect(await lane.streams.marks([ID, ...ids])).toEqual(new Map(ids.map((id, i) => [id, i * 1e12])))
  await lane.streams.retire(ids)
  expect(sink.known.size).toBe(0)
})

test('the lane ends its own stream when it is closed', async () => {
  const around = surroundings()
  const sink = new DurableSink()
  await sluice(around, sink)
  const { lane } = laneTo(around)
  await lane.open()
  await lane.write(of('<13>a'))
  expect(sink.known.size).toBe(1)
  await lane.close(5_000)
  expect(sink.known.size).toBe(0)
})

test('a receiver that stops answers first; what it did not keep is sent to the next', async () => {
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

test('a format is written for another sluice too', async () => {
  const around = surroundings()
  const sink = new DurableSink()
  await sluice(around, sink)
  const { lane } = laneTo(around, 'rfc5424')
  await lane.open()
  await lane.write(of('<13>Oct 11 22:14:15 web su: hello'))
  expect(sink.texts[0]).toMatch(/^<13>1 \S+ web su - - - hello$/)
})
