// RELP on a simulated network: answers are sent when a message is kept, and in order.

import { expect, test } from 'vitest'
import { Fault } from '../../common/fault.ts'

import type { StreamMarks } from '../../common/pipeline/sink.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { HeldSink, MemorySink } from '../fake/sink.ts'
import { pack } from '../relp/packed.ts'
import { ALL, answered, frame, ID, offers, opened, serve } from './relp-surroundings.ts'

test('a message is answered only when it is kept', async () => {
  const sink = new HeldSink()
  const { send, got, expectAnswer } = await opened(sink)
  await send('2 syslog 5 <13>a\n')
  await expect.poll(() => sink.held.length).toBe(1)
  expect(sink.held[0].texts).toEqual(['<13>a'])
  expect(got.text).toBe('')
  sink.settle()
  await expectAnswer('2 rsp 6 200 OK\n')
})

test('answers are sent in the order of the commands, in whatever order writes settle', async () => {
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

test('messages of many senders form one batch per turn of the event loop, and each sender gets its answers', async () => {
  const sink = new MemorySink()
  const { dial } = await serve(sink)
  const peers = await Promise.all([dial(), dial(), dial()])
  await Promise.all(peers.map(({ send }) => send(frame(1, 'open', offers('syslog')))))
  await Promise.all(peers.map(({ expectAnswer }) => expectAnswer(answered(1, 'syslog'))))
  await Promise.all(peers.map(({ send }, i) => send(`${i + 5} syslog 5 <13>${i}\n`)))
  await Promise.all(peers.map(({ expectAnswer }, i) => expectAnswer(`${i + 5} rsp 6 200 OK\n`)))
  expect(sink.texts.sort()).toEqual(['<13>0', '<13>1', '<13>2'])
})

test('CR, LF and NUL at the end of a message are not part of it, also if it is split', async () => {
  const sink = new MemorySink()
  const { send, expectAnswer } = await opened(sink, 'syslog', 600)
  await send(frame(2, 'syslog', '<13>a b: c\n'))
  await send(frame(3, 'syslog', '<13>a b: d\ne\r\n\0'))
  await send(frame(4, 'syslog', `<13>${'x'.repeat(700)}\n`))
  await expectAnswer('2 rsp 6 200 OK\n3 rsp 6 200 OK\n4 rsp 6 200 OK\n')
  expect(sink.texts.slice(0, 2)).toEqual(['<13>a b: c', '<13>a b: d\ne'])
  expect(sink.texts.length).toBeGreaterThan(3)
  expect(sink.texts.at(-1)).toMatch(/x$/)
})

test.each(['', '\n', '\r\n'])(
  'a message of exactly max_message bytes is not split, with %j behind it',
  async (ending) => {
    const sink = new MemorySink()
    const { send, expectAnswer } = await opened(sink, 'syslog', 600)
    const text = `<13>${'x'.repeat(596)}`
    await send(frame(2, 'syslog', text + ending))
    await expectAnswer('2 rsp 6 200 OK\n')
    expect(sink.texts).toEqual([text])
  },
)

test.each(['x', 'xx', 'x\n'])('a message of max_message bytes and %j is split', async (rest) => {
  const sink = new MemorySink()
  const { send, expectAnswer } = await opened(sink, 'syslog', 600)
  await send(frame(2, 'syslog', `<13>${'x'.repeat(596)}${rest}`))
  await expectAnswer('2 rsp 6 200 OK\n')
  expect(sink.texts.length).toBe(2)
  expect(Math.max(...sink.texts.map(({ length }) => length))).toBeLessThanOrEqual(600)
})

test('transaction numbers wrap around to 1', async () => {
  const { send, expectAnswer } = await opened(new MemorySink())
  await send('999999999 syslog 1 a\n1 syslog 1 b\n2 syslog 0\n')
  await expectAnswer('999999999 rsp 6 200 OK\n1 rsp 6 200 OK\n2 rsp 6 200 OK\n')
})

test('a rejected message is not answered, and the connection is closed, so that the peer sends it again', async () => {
  const sink = new HeldSink()
  const { send, got, metrics } = await opened(sink)
  await send('2 syslog 5 <13>a\n')
  await expect.poll(() => sink.held.length).toBe(1)
  sink.settle(new Fault('STOPPING', 'not now'))
  await expect.poll(() => got.ended).toBe(true)
  expect(got.text).toBe('')
  expect(await metrics.total('sluice_dropped_total')).toBe(0)
})

test('close is answered after everything that is owed, and the connection is closed', async () => {
  const sink = new HeldSink()
  const { send, got, expectAnswer } = await opened(sink)
  await send('2 syslog 5 <13>a\n3 close 0\n')
  await expect.poll(() => sink.held.length).toBe(1)
  expect(got.text).toBe('')
  sink.settle()
  await expectAnswer('2 rsp 6 200 OK\n3 rsp 6 200 OK\n0 serverclose 0\n')
  await expect.poll(() => got.ended).toBe(true)
})

test('a peer that closes its writing side gets all answers that it is owed, and then the connection is closed', async () => {
  const sink = new HeldSink()
  const { connection, send, got } = await opened(sink)
  await send('2 syslog 5 <13>a\n3 syslog 5 <13>b\n4 nothing 0\n5 sys')
  connection.end()
  await expect.poll(() => sink.held.length).toBe(1)
  expect(got).toEqual({ text: '', ended: false })
  sink.settle()
  await expect.poll(() => got.ended).toBe(true)
  expect(got.text).toBe('2 rsp 6 200 OK\n3 rsp 6 200 OK\n4 rsp 24 500 no such command here\n0 serverclose 0\n')
})

test('a peer that closes its writing side without being owed anything is closed at once', async () => {
  const { connection, got } = await opened(new MemorySink())
  connection.end()
  await expect.poll(() => got).toEqual({ text: '0 serverclose 0\n', ended: true })
})

test('a peer that closes its writing side is closed after a minute if its messages cannot be stored', async () => {
  const sink = new HeldSink()
  const { connection, send, got, platform } = await opened(sink)
  await send('2 syslog 5 <13>a\n')
  connection.end()
  await expect.poll(() => sink.held.length).toBe(1)
  await platform.clock.pass(59_000)
  expect(got.ended).toBe(false)
  await platform.clock.pass(2_000)
  await expect.poll(() => got).toEqual({ text: '', ended: true })
})

test('at a stop, received messages are stored and answered first', async () => {
  const sink = new HeldSink()
  const { send, finish, got } = await opened(sink)
  await send('2 syslog 5 <13>a\n')
  await expect.poll(() => sink.held.length).toBe(1)
  const finished = finish()
  sink.settle()
  await finished
  await expect.poll(() => got.text).toBe('2 rsp 6 200 OK\n0 serverclose 0\n')
})

test('a message longer than max_message is split into marked pieces, and answered once', async () => {
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
  expect(Math.max(...sink.texts.map(({ length }) => length))).toBeLessThanOrEqual(1000)
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

test.each(refused)('%s is refused, and the connection is closed', async (_, bytes, answer) => {
  const { dial } = await serve(new MemorySink())
  const { send, got, expectAnswer } = await dial()
  await send(bytes)
  await expectAnswer(`${answer}0 serverclose 0\n`)
  await expect.poll(() => got.ended).toBe(true)
})

const wrong: [what: string, bytes: string | Buffer, answer: string][] = [
  ['a frame whose data is longer than it says', '2 syslog 1 ab\n', '2 rsp 19 500 malformed frame\n'],
  ['a frame whose length is not a number', '10 syslog x <13>b\n', '10 rsp 19 500 malformed frame\n'],
  ['a frame whose command is not a word', '10 sys-log 1 a\n', '10 rsp 19 500 malformed frame\n'],
  ['a frame that begins with no number', 'hello world\n', '0 rsp 19 500 malformed frame\n'],
  ['a frame whose number has ten digits', '1000000000 syslog 1 a\n', '0 rsp 19 500 malformed frame\n'],
  ['a malformed batch', frame(2, 'batch', 'hello'), '2 rsp 19 500 malformed batch\n'],
  ['an empty batch', frame(2, 'batch'), '2 rsp 19 500 malformed batch\n'],
  ['marks with a malformed stream id', frame(2, 'marks', 'x'), '2 rsp 19 500 malformed marks\n'],
  ['retire with a malformed stream id', frame(2, 'retire', 'x'), '2 rsp 20 500 malformed retire\n'],
]

test.each(wrong)(
  '%s is refused after the answers that are owed, and the connection is closed',
  async (_, bytes, answer) => {
    const sink = new HeldSink()
    const { send, got, expectAnswer } = await opened(sink, ALL)
    await send('9 syslog 5 <13>a\n')
    await send(bytes)
    await expect.poll(() => sink.held.length).toBe(1)
    sink.settle()
    await expectAnswer(`9 rsp 6 200 OK\n${answer}0 serverclose 0\n`)
    await expect.poll(() => got.ended).toBe(true)
  },
)

test.each(['hello', 'open', 'rsp', 'batch', 'marks'])(
  'the command %s, if the peer may not send it, is answered with 500 and logged, and the session continues',
  async (command) => {
    const { send, expectAnswer, platform } = await opened(new MemorySink())
    await send(`2 ${command} 1 a\n3 syslog 1 a\n`)
    await expectAnswer('2 rsp 24 500 no such command here\n3 rsp 6 200 OK\n')
    expect(platform.log.lines.filter(({ level }) => level === 'warn')).toEqual([
      {
        level: 'warn',
        text: 'a RELP peer sent a command that is not spoken here',
        values: { source: 'network', peer: '192.0.2.7', command },
      },
    ])
  },
)

test('a batch is passed on as one batch, with its streams, and answered when it is kept', async () => {
  const sink = new HeldSink()
  const { send, got, expectAnswer } = await opened(sink, ALL)
  const origin = originOf({ source: 'apps', peer: '198.51.100.1' })
  const given = batchOf(['<13>a', '<13>b'], origin, 1_790_000_000_000_000)
  const stream = { id: ID, from: 100, to: 120, ends: Uint32Array.of(6, 12) }
  await send(frame(2, 'batch', pack({ ...given, runs: [{ count: 2, origin, stream }] })))
  await expect.poll(() => sink.held.length).toBe(1)
  const [{ batch, texts }] = sink.held
  expect(texts).toEqual(['<13>a', '<13>b'])
  expect(batch.runs[0].origin).toMatchObject({ source: 'apps', peer: '198.51.100.1' })
  expect(batch.runs[0].received).toBe(1_790_000_000_000_000)
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

test('marks and retire are passed on to what keeps the streams', async () => {
  const streams = marksOf(new Map([[ID, 4711]]))
  const { send, expectAnswer } = await opened({ write: () => Promise.resolve(), streams }, ALL)
  const other = 'f'.repeat(32)
  await send(frame(2, 'marks', `${other}\n${ID}`))
  await expectAnswer(frame(2, 'rsp', `200 OK\n${ID} 4711`).toString())
  await send(Buffer.concat([frame(3, 'marks', other), frame(4, 'retire', ID)]))
  await expectAnswer('3 rsp 6 200 OK\n4 rsp 6 200 OK\n')
  expect(streams.said).toEqual([`retire ${ID}`])
})

test('if no destination keeps streams, marks is answered with none', async () => {
  const { send, expectAnswer } = await opened(new MemorySink(), ALL)
  await send(Buffer.concat([frame(2, 'marks', ID), frame(3, 'retire', ID)]))
  await expectAnswer('2 rsp 6 200 OK\n3 rsp 6 200 OK\n')
})

test('if marks cannot be read, the connection is closed, so that the sender asks again', async () => {
  const streams = {
    ...marksOf(new Map()),
    marks: () => Promise.reject(new Fault('DISK_ERROR', 'x', { retryable: true })),
  }
  const { send, got } = await opened({ write: () => Promise.resolve(), streams }, ALL)
  await send(frame(2, 'marks', ID))
  await expect.poll(() => got.ended).toBe(true)
  expect(got.text).toBe('')
})

test('a reset in the middle of a frame emits nothing, and the listener accepts further connections', async () => {
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
