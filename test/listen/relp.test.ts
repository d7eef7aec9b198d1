// RELP on a network in memory: answers come when a message is kept, in order, and nothing that a peer sends costs more
// memory than the bounds.

import { expect, onTestFinished, test } from 'vitest'
import { syslogSource } from '../../collector/listen/syslog-source.ts'
import { Fault } from '../../common/fault.ts'
import { utc } from '../../common/message/zone.ts'
import { createMetrics } from '../../common/metric.ts'
import type { Connection } from '../../common/net/net.ts'
import type { Sink, StreamMarks } from '../../common/pipeline/sink.ts'
import { systemPlatform } from '../../common/platform.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { FakeClock } from '../fake/clock.ts'
import { fakeLog } from '../fake/log.ts'
import { FakeNet } from '../fake/net.ts'
import { HeldSink, MemorySink } from '../fake/sink.ts'
import { pack } from '../relp/packed.ts'

const PORT = 2514
const ID = '0123456789abcdef0123456789abcdef'

async function serve(sink: Sink, given: Record<string, unknown> = {}, messageBytesMax = 1024 * 1024) {
  const net = new FakeNet()
  const metrics = createMetrics()
  const log = fakeLog()
  const platform = { ...systemPlatform(log, metrics), net, clock: new FakeClock() }
  const context = {
    ...{ name: 'network', platform, dataFolder: '/nowhere', hostName: 'h' },
    ...{ messageBytesMax, localZone: utc },
  }
  const listen = [`relp://127.0.0.1:${PORT}`]
  const source = syslogSource.create(syslogSource.options.parse({ listen, ...given }), context)
  const stop = new AbortController()
  await source.open()
  const running = source.run(sink, stop.signal)
  const finish = () => {
    stop.abort()
    return running
  }
  onTestFinished(() => void finish())
  return { net, metrics, platform, finish, dial: () => dial(net) }
}

/** A sender: what it got, and whether the connection is over. */
async function dial(net: FakeNet) {
  const connection: Connection = await net.connect({ host: '127.0.0.1', port: PORT })
  const got = { text: '', ended: false }
  connection.start({
    data: (chunk) => void (got.text += chunk.toString('latin1')),
    end: () => connection.end(),
    close: () => void (got.ended = true),
  })
  const send = (bytes: string | Buffer) => connection.write(Buffer.from(bytes))
  /** Waits for this answer, and forgets it. */
  const expectAnswer = async (text: string) => {
    await expect.poll(() => got.text, { timeout: 20_000 }).toBe(text)
    got.text = ''
  }
  return { connection, got, send, expectAnswer }
}

const frame = (txnr: number, command: string, data: string | Buffer = '') => {
  const bytes = Buffer.from(data)
  const head = Buffer.from(`${txnr} ${command} ${bytes.length}${bytes.length > 0 ? ' ' : ''}`)
  return Buffer.concat([head, bytes, Buffer.from('\n')])
}

const offers = (commands: string) => `relp_version=0\nrelp_software=test\ncommands=${commands}`
const answered = (txnr: number, commands: string) => {
  const data = `200 OK\nrelp_version=0\nrelp_software=sluice\ncommands=${commands}`
  return `${txnr} rsp ${data.length} ${data}\n`
}
const ALL = 'syslog,batch,marks,retire'

/** Serves, and opens a session that knows these commands. */
async function opened(sink: Sink, commands = 'syslog', messageBytesMax?: number) {
  const served = await serve(sink, {}, messageBytesMax)
  const peer = await served.dial()
  await peer.send(frame(1, 'open', offers(commands)))
  await peer.expectAnswer(answered(1, commands))
  return { ...served, ...peer }
}

test('a message is answered when it is kept, and not before', async () => {
  const sink = new HeldSink()
  const { send, got, expectAnswer } = await opened(sink)
  await send('2 syslog 5 <13>a\n')
  await expect.poll(() => sink.held.length).toBe(1)
  expect(sink.held[0].texts).toEqual(['<13>a'])
  expect(got.text).toBe('')
  sink.settle()
  await expectAnswer('2 rsp 6 200 OK\n')
})

test('answers come in the order of the commands, however writes settle', async () => {
  const sink = new HeldSink()
  const { send, got, expectAnswer } = await opened(sink)
  await send('2 syslog 5 <13>a\n3 syslog 5 <13>b\n')
  await expect.poll(() => sink.held.length).toBe(1)
  await send('4 syslog 5 <13>c\n')
  await expect.poll(() => sink.held.length).toBe(2)
  sink.held.pop()!.resolve()
  await new Promise(setImmediate)
  expect(got.text).toBe('')
  sink.settle()
  await expectAnswer('2 rsp 6 200 OK\n3 rsp 6 200 OK\n4 rsp 6 200 OK\n')
})

test('many senders make one batch a turn, and each gets its own answers', async () => {
  const sink = new MemorySink()
  const { dial } = await serve(sink)
  const peers = await Promise.all([dial(), dial(), dial()])
  await Promise.all(peers.map(({ send }) => send(frame(1, 'open', offers('syslog')))))
  await Promise.all(peers.map(({ expectAnswer }) => expectAnswer(answered(1, 'syslog'))))
  await Promise.all(peers.map(({ send }, i) => send(`${i + 5} syslog 5 <13>${i}\n`)))
  await Promise.all(peers.map(({ expectAnswer }, i) => expectAnswer(`${i + 5} rsp 6 200 OK\n`)))
  expect(sink.texts.sort()).toEqual(['<13>0', '<13>1', '<13>2'])
})

test('transaction numbers begin again at 1', async () => {
  const { send, expectAnswer } = await opened(new MemorySink())
  await send('999999999 syslog 1 a\n1 syslog 1 b\n2 syslog 0\n')
  await expectAnswer('999999999 rsp 6 200 OK\n1 rsp 6 200 OK\n2 rsp 6 200 OK\n')
})

test('what a destination gives back is not answered: the connection is cut, so that it is sent again', async () => {
  const sink = new HeldSink()
  const { send, got, metrics } = await opened(sink)
  await send('2 syslog 5 <13>a\n')
  await expect.poll(() => sink.held.length).toBe(1)
  sink.settle(new Fault('STOPPING', 'not now'))
  await expect.poll(() => got.ended).toBe(true)
  expect(got.text).toBe('')
  expect(await metrics.total('sluice_dropped_total')).toBe(0)
})

test('close is answered behind everything that is owed, and the connection ends', async () => {
  const sink = new HeldSink()
  const { send, got, expectAnswer } = await opened(sink)
  await send('2 syslog 5 <13>a\n3 close 0\n')
  await expect.poll(() => sink.held.length).toBe(1)
  expect(got.text).toBe('')
  sink.settle()
  await expectAnswer('2 rsp 6 200 OK\n3 rsp 6 200 OK\n0 serverclose 0\n')
  await expect.poll(() => got.ended).toBe(true)
})

test('at a stop what was taken in is kept and answered first', async () => {
  const sink = new HeldSink()
  const { send, finish, got } = await opened(sink)
  await send('2 syslog 5 <13>a\n')
  await expect.poll(() => sink.held.length).toBe(1)
  const finished = finish()
  sink.settle()
  await finished
  await expect.poll(() => got.text).toBe('2 rsp 6 200 OK\n0 serverclose 0\n')
})

test('a message over the bound comes out in marked pieces, answered once', async () => {
  const sink = new MemorySink()
  const { send, expectAnswer } = await opened(sink, 'syslog', 1000)
  const text = `<13>1 - h p - - - ${'ä'.repeat(2000)}`
  await send(frame(2, 'syslog', text))
  await expectAnswer('2 rsp 6 200 OK\n')
  expect(sink.texts.length).toBeGreaterThan(3)
  const joined = sink.texts
    .map((piece) =>
      Buffer.from(piece, 'latin1')
        .toString()
        .replace(/^.*?\] /, ''),
    )
    .join('')
  expect(joined).toBe('ä'.repeat(2000))
})

const refused: [what: string, bytes: string | Buffer, answer: string][] = [
  ['a command before open', '1 syslog 5 <13>a\n', '1 rsp 24 500 open must come first\n'],
  ['a web browser', 'GET / HTTP/1.1\r\n\r\n', '0 rsp 19 500 malformed frame\n'],
  ['an open without offers', '1 open 0\n', '1 rsp 40 500 version 0 with syslog is spoken here\n'],
  [
    'another version',
    frame(1, 'open', 'relp_version=9\ncommands=syslog'),
    '1 rsp 40 500 version 0 with syslog is spoken here\n',
  ],
]

test.each(refused)('%s is refused, and the connection ends', async (_, bytes, answer) => {
  const { dial } = await serve(new MemorySink())
  const { send, got, expectAnswer } = await dial()
  await send(bytes)
  await expectAnswer(`${answer}0 serverclose 0\n`)
  await expect.poll(() => got.ended).toBe(true)
})

const wrong: [what: string, bytes: string | Buffer, answer: string][] = [
  ['a frame whose data is longer than it says', '2 syslog 1 ab\n', '2 rsp 19 500 malformed frame\n'],
  ['a batch that is none', frame(2, 'batch', 'hello'), '2 rsp 19 500 malformed batch\n'],
  ['an empty batch', frame(2, 'batch'), '2 rsp 19 500 malformed batch\n'],
  ['marks of something else', frame(2, 'marks', 'x'), '2 rsp 19 500 malformed marks\n'],
  ['an end of something else', frame(2, 'retire', 'x'), '2 rsp 20 500 malformed retire\n'],
]

test.each(wrong)('%s is refused behind what is owed, and the connection ends', async (_, bytes, answer) => {
  const sink = new HeldSink()
  const { send, got, expectAnswer } = await opened(sink, ALL)
  await send('9 syslog 5 <13>a\n')
  await send(bytes)
  await expect.poll(() => sink.held.length).toBe(1)
  sink.settle()
  await expectAnswer(`9 rsp 6 200 OK\n${answer}0 serverclose 0\n`)
  await expect.poll(() => got.ended).toBe(true)
})

test.each(['hello', 'open', 'rsp', 'batch', 'marks'])(
  '%s from a peer that may not say it gets 500, and it goes on',
  async (command) => {
    const { send, expectAnswer } = await opened(new MemorySink())
    await send(`2 ${command} 1 a\n3 syslog 1 a\n`)
    await expectAnswer('2 rsp 24 500 no such command here\n3 rsp 6 200 OK\n')
  },
)

test('a batch is one batch of the sink, with its streams, answered when it is kept', async () => {
  const sink = new HeldSink()
  const { send, got, expectAnswer } = await opened(sink, ALL)
  const origin = originOf({ source: 'apps', peer: '198.51.100.1' })
  const given = batchOf(['<13>a', '<13>b'], origin, 1_790_000_000_000_000)
  const stream = { id: ID, from: 100, to: 120, ends: Uint32Array.of(6, 12) }
  await send(frame(2, 'batch', pack({ ...given, runs: [{ count: 2, origin, stream }] })))
  await expect.poll(() => sink.held.length).toBe(1)
  const [{ batch, texts }] = sink.held
  expect(texts).toEqual(['<13>a', '<13>b'])
  expect(batch.runs[0].origin).toMatchObject({ source: 'apps', peer: '198.51.100.1', received: 1_790_000_000_000_000 })
  expect(batch.runs[0].stream).toMatchObject({ id: ID, from: 100, to: 120 })
  expect(got.text).toBe('')
  sink.settle()
  await expectAnswer('2 rsp 6 200 OK\n')
})

function marksOf(known: Map<string, number>): StreamMarks & { readonly said: string[] } {
  const said: string[] = []
  return {
    said,
    marks: (ids) => Promise.resolve(new Map([...known].filter(([id]) => ids.includes(id)))),
    retire: (ids) => Promise.resolve(void said.push(`retire ${ids.join(' ')}`)),
  }
}

test('marks and retire reach what keeps the streams', async () => {
  const streams = marksOf(new Map([[ID, 4711]]))
  const { send, expectAnswer } = await opened({ write: () => Promise.resolve(), streams }, ALL)
  const other = 'f'.repeat(32)
  await send(frame(2, 'marks', `${other}\n${ID}`))
  await expectAnswer(frame(2, 'rsp', `200 OK\n${ID} 4711`).toString())
  await send(Buffer.concat([frame(3, 'marks', other), frame(4, 'retire', ID)]))
  await expectAnswer('3 rsp 6 200 OK\n4 rsp 6 200 OK\n')
  expect(streams.said).toEqual([`retire ${ID}`])
})

test('where nothing keeps streams, no mark is known', async () => {
  const { send, expectAnswer } = await opened(new MemorySink(), ALL)
  await send(Buffer.concat([frame(2, 'marks', ID), frame(3, 'retire', ID)]))
  await expectAnswer('2 rsp 6 200 OK\n3 rsp 6 200 OK\n')
})

test('marks that cannot be told cut the connection: the sender asks again', async () => {
  const streams = {
    ...marksOf(new Map()),
    marks: () => Promise.reject(new Fault('DISK_ERROR', 'x', { retryable: true })),
  }
  const { send, got } = await opened({ write: () => Promise.resolve(), streams }, ALL)
  await send(frame(2, 'marks', ID))
  await expect.poll(() => got.ended).toBe(true)
  expect(got.text).toBe('')
})

test('while nothing settles a bounded amount is taken in; then all of it comes', async () => {
  const sink = new HeldSink()
  const { send, got } = await opened(sink)
  const message = `<13>${'x'.repeat(996)}`
  const frames = 20_000
  let written = 0
  const writing = (async () => {
    for (let txnr = 2; txnr < frames + 2; txnr += 100) {
      const many = Array.from({ length: 100 }, (_, i) => `${txnr + i} syslog ${message.length} ${message}\n`)
      await send(many.join(''))
      written += 100
    }
  })()
  const open = () => sink.held.reduce((sum, { texts }) => sum + texts.length, 0)
  await expect.poll(open, { timeout: 20_000 }).toBeGreaterThan(8000)
  const stalls = async () => {
    const before = written
    await new Promise((resolve) => setTimeout(resolve, 100))
    return written === before
  }
  await expect.poll(stalls, { timeout: 20_000 }).toBe(true)
  expect(written).toBeLessThan(10_000)
  let kept = 0
  const settling = setInterval(() => {
    while (sink.held.length > 0) {
      kept += sink.held[0].texts.length
      sink.settle()
    }
  }, 1)
  onTestFinished(() => clearInterval(settling))
  await writing
  await expect.poll(() => kept, { timeout: 20_000 }).toBe(frames)
  await expect.poll(() => got.text.endsWith(`${frames + 1} rsp 6 200 OK\n`), { timeout: 20_000 }).toBe(true)
  expect(got.text.split('\n')).toHaveLength(frames + 1)
}, 60_000)

test('a bomb of batches is unpacked one by one, within the memory of all slabs', async () => {
  const sink = new HeldSink()
  const { send, platform } = await opened(sink, ALL)
  const bomb = pack(batchOf([Buffer.alloc(16 * 1024 * 1024, 0x61)], originOf(), 1))
  expect(bomb.length).toBeLessThan(16 * 1024)
  await send(Buffer.concat(Array.from({ length: 20 }, (_, i) => frame(i + 2, 'batch', bomb))))
  let most = 0
  for (let kept = 0; kept < 20; kept += 1) {
    await expect.poll(() => sink.held.length, { timeout: 20_000 }).toBeGreaterThan(0)
    most = Math.max(most, platform.slabs.bytesOut)
    sink.settle()
  }
  expect(most).toBeLessThan(65 * 1024 * 1024)
}, 60_000)

/** Sends unknown commands, each of which is answered, until nothing is read any more. */
async function flood(send: (text: string) => Promise<void>) {
  const state = { written: 0 }
  const writing = (async () => {
    for (; state.written < 500; state.written += 1) await send('5 hello 0\n'.repeat(1000))
  })()
  const stalls = async () => {
    const before = state.written
    await new Promise((resolve) => setTimeout(resolve, 50))
    return state.written === before
  }
  await expect.poll(stalls, { timeout: 20_000 }).toBe(true)
  return { state, writing }
}

test('a peer that never reads its answers is read from no more', async () => {
  const { connection, send } = await opened(new MemorySink())
  connection.pause()
  const { state, writing } = await flood(send)
  expect(state.written).toBeLessThan(400)
  connection.resume()
  await writing
}, 60_000)

test('a peer that is owed an answer and goes on asking is read from no more, until it is answered', async () => {
  const sink = new HeldSink()
  const { got, send } = await opened(sink)
  await send('2 syslog 1 x\n')
  await expect.poll(() => sink.held.length).toBe(1)
  const { state, writing } = await flood(send)
  expect(state.written).toBeLessThan(100)
  expect(got.text).toBe('')
  sink.settle()
  await writing
  await expect.poll(() => got.text.split('\n').length, { timeout: 20_000 }).toBe(500_002)
}, 60_000)

test('a peer that reads no answers is not read from after a brake either', async () => {
  const sink = new HeldSink()
  const { connection, send, dial } = await opened(sink)
  connection.pause()
  const { state } = await flood(send)
  const { written } = state
  const other = await dial()
  await other.send(frame(1, 'open', offers('syslog')))
  const message = `<13>${'x'.repeat(100_000)}`
  const sending = other.send(
    Array.from({ length: 200 }, (_, i) => `${i + 2} syslog ${message.length} ${message}\n`).join(''),
  )
  let kept = 0
  const settling = setInterval(() => {
    for (; sink.held.length > 0; sink.settle()) kept += sink.held[0].texts.length
  }, 20)
  onTestFinished(() => clearInterval(settling))
  await sending
  await expect.poll(() => kept, { timeout: 20_000 }).toBe(200)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(state.written).toBe(written)
}, 60_000)

test('a reset in the middle of a frame gives out nothing, and the rest of the listener lives', async () => {
  const sink = new MemorySink()
  const { net, send, metrics, dial } = await opened(sink)
  await send('2 syslog 5 <13>a\n3 syslog 5 <13')
  await expect.poll(() => sink.texts).toEqual(['<13>a'])
  net.resetAll()
  const again = await dial()
  await again.send(Buffer.concat([frame(1, 'open', offers('syslog')), frame(2, 'syslog', '<13>b')]))
  await again.expectAnswer(`${answered(1, 'syslog')}2 rsp 6 200 OK\n`)
  expect(sink.texts).toEqual(['<13>a', '<13>b'])
  expect((await metrics.snapshot()).get('sluice_connections{source="network"}')).toBe(1)
})
