// The RELP lane to a plain receiver, which the test imitates.

import { expect, test, vi } from 'vitest'
import type { Connection } from '../../common/net/net.ts'
import { FrameReader } from '../../common/relp/frame-reader.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { standstill } from '../fake/clock.ts'
import { ID, laneTo, of, PORT, surroundings, WAIT, type Surroundings } from './relp-surroundings.ts'

/** A plain RELP receiver under the control of the test. */
async function plainReceiver({ net }: Surroundings, commands = 'syslog', port = PORT) {
  const got: { txnr: number; command: string; data: string }[] = []
  const open: Connection[] = []
  const state = { opens: true, answers: true, connection: undefined as Connection | undefined }
  const answer = (txnr: number, text = '200 OK') =>
    state.connection!.write(Buffer.from(`${txnr} rsp ${text.length} ${text}\n`))
  const listener = await net.listen({ host: 'h', port }, (connection) => {
    open.push(connection)
    state.connection = connection
    const reader = new FrameReader(1 << 24)
    connection.start({
      data(chunk) {
        reader.feed(chunk)
        while (reader.next() === 'frame') {
          const { txnr, command, bytes, start, end } = reader
          if (command === 'open' && state.opens) {
            const text = `200 OK\nrelp_version=0\nrelp_software=librelp,1.11.0\ncommands=${commands}`
            void answer(txnr, text).catch(() => {})
          } else if (command !== 'open') {
            got.push({ txnr, command, data: bytes.toString('latin1', start, end) })
            // librelp sends both frames in one piece.
            if (command === 'close') void connection.write(Buffer.from(`${txnr} rsp 0\n0 serverclose 0\n`))
            else if (state.answers) void answer(txnr).catch(() => {})
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

test('a write settles when all its messages are answered, in whatever order the answers come', async () => {
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
  await standstill()
  expect(order).toEqual([])
  await receiver.answer(3)
  await expect.poll(() => order, WAIT).toEqual([1, 2])
})

test('at most 128 messages are unanswered at a time, and an empty batch settles in order', async () => {
  const around = surroundings()
  const receiver = await plainReceiver(around)
  receiver.state.answers = false
  const { lane } = laneTo(around)
  await lane.open()
  const messages = Array.from({ length: 300 }, (_, i) => `<13>${i}`)
  const settled = Promise.all([lane.write(of(...messages)), lane.write(of()), lane.write(of('<13>last'))])
  await expect.poll(() => receiver.got.length, WAIT).toBe(128)
  await standstill()
  expect(receiver.got.length).toBe(128)
  receiver.state.answers = true
  for (const { txnr } of [...receiver.got]) await receiver.answer(txnr)
  await settled
  expect(receiver.texts()).toEqual([...messages, '<13>last'])
})

test('a message without a header gets one for a plain receiver', async () => {
  const around = surroundings()
  const receiver = await plainReceiver(around)
  const { lane } = laneTo(around)
  await lane.open()
  const origin = originOf({ lines: 'text', program: Buffer.from('nginx'), host: Buffer.from('web-1') })
  await lane.write(batchOf(['GET /'], origin, 0))
  expect(receiver.texts()[0]).toMatch(/^<13>1 1970-01-01T\S+ web-1 nginx - - - GET \/$/)
})

test('a message that a plain receiver refuses is counted and not sent again', async () => {
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
  expect(lane.dropped).toBe(1)
})

test('after a connection reset unanswered messages are sent again and counted as in doubt', async () => {
  const around = surroundings()
  const receiver = await plainReceiver(around)
  receiver.state.answers = false
  const { lane, health } = laneTo(around)
  await lane.open()
  const settled = Promise.all([lane.write(of('<13>a', '<13>b')), lane.write(of('<13>c'))])
  await expect.poll(() => receiver.got.length, WAIT).toBe(3)
  await receiver.answer(2)
  await standstill()
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

test('a batch that a lost receiver had answered in part goes to the next one whole, and all of it is in doubt', async () => {
  const around = surroundings()
  const first = await plainReceiver(around)
  const second = await plainReceiver(around, 'syslog', PORT + 1)
  first.state.answers = false
  const { lane, health } = laneTo(around, 'received', [PORT, PORT + 1])
  await lane.open()
  await expect.poll(() => health, WAIT).toEqual([true, true])
  const settled = lane.write(of('<13>a', '<13>b', '<13>c'))
  await expect.poll(() => first.texts(), WAIT).toHaveLength(3)
  await first.answer(first.got[0].txnr)
  // Refusing the second message after it, on the same connection, is counted: so the lane has read both answers.
  await first.answer(first.got[1].txnr, '500 no')
  await expect.poll(() => around.metrics.total('sluice_dropped_total'), WAIT).toBe(1)
  around.net.refuse(PORT)
  around.net.resetAll()
  await vi.waitFor(async () => {
    await around.clock.pass(500)
    expect(second.texts()).toEqual(['<13>a', '<13>b', '<13>c'])
  }, WAIT)
  await settled
  expect(await around.metrics.total('sluice_in_doubt_total')).toBe(3)
})

test('the 90 s for an answer begin when the message is sent, however long the connection was idle before', async () => {
  const around = surroundings()
  const receiver = await plainReceiver(around)
  const { lane } = laneTo(around)
  await lane.open()
  await lane.write(of('<13>first'))
  await around.clock.pass(89_000)
  receiver.state.answers = false
  const settled = lane.write(of('<13>second'))
  await expect.poll(receiver.texts, WAIT).toEqual(['<13>first', '<13>second'])
  await around.clock.pass(80_000)
  expect(around.log.lines.map(({ text }) => text)).not.toContain(`connection to h:${PORT} lost`)
  expect(receiver.open).toHaveLength(1)
  await receiver.answer(receiver.got[1].txnr)
  await settled
})

test('a receiver that is late with its answers is logged, and once more only after it has answered', async () => {
  const around = surroundings()
  const receiver = await plainReceiver(around)
  const { lane } = laneTo(around)
  await lane.open()
  await lane.write(of('<13>first'))
  await around.clock.pass(60_000)
  const late = () => around.log.lines.filter(({ text }) => text === 'the receiver is slow: it has not answered yet')
  expect(late()).toEqual([])
  receiver.state.answers = false
  for (const [i, times] of [1, 2].entries()) {
    const settled = lane.write(of('<13>more'))
    await expect.poll(() => receiver.got.length, WAIT).toBe(2 + i)
    await around.clock.pass(9_000)
    expect(late()).toHaveLength(times - 1)
    await around.clock.pass(41_000)
    expect(late()).toHaveLength(times)
    await receiver.answer(receiver.got[1 + i].txnr)
    await settled
  }
  expect(late()[0]).toMatchObject({ level: 'warn', values: { destination: 'up', to: `h:${PORT}` } })
})

test('a late receiver is logged even if fractions of milliseconds on the clock do not add up', async () => {
  const around = surroundings()
  const receiver = await plainReceiver(around)
  const { lane } = laneTo(around)
  await lane.open()
  await around.clock.pass(60_000.1)
  receiver.state.answers = false
  const settled = lane.write(of('<13>first', '<13>second'))
  await expect.poll(() => receiver.got.length, WAIT).toBe(2)
  await around.clock.pass(0.3)
  await receiver.answer(receiver.got[0].txnr)
  await standstill()
  await around.clock.pass(11_000)
  expect(around.log.lines.map(({ text }) => text)).toContain('the receiver is slow: it has not answered yet')
  await receiver.answer(receiver.got[1].txnr)
  await settled
})

test('a receiver that disappeared without closing the connection counts as lost after 90 s without an answer', async () => {
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

test('one of two receivers that accepts connections but never answers is waited for 90 s once, then 10 s', async () => {
  const around = surroundings()
  const full = await plainReceiver(around)
  const well = await plainReceiver(around, 'syslog', PORT + 1)
  full.state.answers = false
  const { lane, health } = laneTo(around, 'received', [PORT, PORT + 1])
  await lane.open()
  await expect.poll(() => health, WAIT).toEqual([true, true])
  /** Sends a message; resolves to the ms until it settles. */
  const waited = async (text: string) => {
    const startMs = around.clock.monotonicMs()
    let endMs = 0
    void lane.write(of(text)).then(() => (endMs = around.clock.monotonicMs()))
    await vi.waitFor(async () => {
      await around.clock.pass(1_000)
      expect(endMs).toBeGreaterThan(0)
    }, WAIT)
    return endMs - startMs
  }
  expect(await waited('<13>first')).toBeGreaterThanOrEqual(90_000)
  // It accepts connections again, and is used again once it seems to have been well for long enough.
  await vi.waitFor(async () => {
    await around.clock.pass(1_000)
    expect(full.open).toHaveLength(2)
  }, WAIT)
  await around.clock.pass(60_000)
  const second = await waited('<13>second')
  expect(full.texts()).toEqual(['<13>first', '<13>second'])
  expect(second).toBeGreaterThanOrEqual(10_000)
  expect(second).toBeLessThan(20_000)
  // Once it has acknowledged something, it is waited for 90 s again.
  full.state.answers = true
  await around.clock.pass(300_000)
  await vi.waitFor(async () => {
    await around.clock.pass(1_000)
    expect(full.open).toHaveLength(3)
  }, WAIT)
  await waited('<13>third')
  await vi.waitFor(() => expect(full.texts().at(-1)).toBe('<13>third'), WAIT)
  full.state.answers = false
  expect(await waited('<13>fourth')).toBeGreaterThanOrEqual(90_000)
  expect(well.texts()).toEqual(['<13>first', '<13>second', '<13>fourth'])
})

test('a receiver that does not answer `open` is waited for 10 s if there is another one, else 90 s', async () => {
  const around = surroundings()
  const silent = await plainReceiver(around)
  silent.state.opens = false
  const well = await plainReceiver(around, 'syslog', PORT + 1)
  const { lane, health } = laneTo(around, 'received', [PORT, PORT + 1])
  await lane.open()
  await expect.poll(() => [health, silent.open.length], WAIT).toEqual([[true], 1])
  const settled = lane.write(of('<13>a'))
  await around.clock.pass(11_000)
  await settled
  expect(well.texts()).toEqual(['<13>a'])

  const elsewhere = surroundings()
  const only = await plainReceiver(elsewhere)
  only.state.opens = false
  const { lane: single } = laneTo(elsewhere)
  await single.open()
  await expect.poll(() => only.open.length, WAIT).toBe(1)
  await elsewhere.clock.pass(89_000)
  expect(only.open).toHaveLength(1)
  await elsewhere.clock.pass(2_000)
  expect(only.open).toHaveLength(2)
})

const strange: [what: string, bytes: string][] = [
  ['text', 'hello there\n'],
  ['a command', '1 syslog 1 a\n'],
  ['an answer to no command', '77 rsp 6 200 OK\n'],
  ['a refusal to open', '1 rsp 6 500 no\n'],
  ['an answer without a code', '1 rsp 2 OK\n'],
  ['offers without syslog', '1 rsp 30 200 OK\nrelp_version=0\ncommands=\n'],
  ['a frame of a gigabyte', '1 rsp 999999999 200'],
  ['serverclose', '0 serverclose 0\n'],
]

test.each(strange)('the connection to a receiver that sends %s is closed, and tried again', async (_, bytes) => {
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

test('close waits for answers, sends `close`, and rejects later writes', async () => {
  const around = surroundings()
  const receiver = await plainReceiver(around)
  const { lane } = laneTo(around)
  await lane.open()
  const write = lane.write(of('<13>a'))
  await lane.close(5_000)
  await write
  expect(receiver.got.map(({ command }) => command)).toEqual(['syslog', 'close'])
  // The end of the connection was requested, so it does not count as a loss.
  expect(around.log.lines.filter(({ level }) => level === 'warn')).toEqual([])
  expect(await around.metrics.total('sluice_reconnects_total')).toBe(0)
  await expect(lane.write(of('<13>b'))).rejects.toMatchObject({ code: 'STOPPING' })
})

test.each(['connected', 'lost'])('close (%s) rejects what is not answered: it is in doubt', async (state) => {
  const around = surroundings()
  const receiver = await plainReceiver(around)
  receiver.state.answers = false
  const { lane } = laneTo(around)
  await lane.open()
  const rejected = expect(lane.write(of('<13>a', '<13>b'))).rejects.toMatchObject({ code: 'STOPPING' })
  await expect.poll(() => receiver.got.length, WAIT).toBe(2)
  await receiver.answer(receiver.got[0].txnr)
  await standstill()
  if (state === 'lost') around.net.resetAll()
  await standstill()
  const closed = lane.close(5_000)
  await around.clock.pass(5_000)
  await closed
  await rejected
  // After the next start both are sent again, since they are one batch, although one was answered.
  expect(await around.metrics.total('sluice_in_doubt_total')).toBe(2)
})

test('a plain receiver has no marks, and a query without a connection is rejected', async () => {
  const around = surroundings()
  const { lane } = laneTo(around)
  const asked = expect(lane.streams!.marks([ID])).rejects.toMatchObject({ code: 'CONNECTION_LOST', retryable: true })
  await around.clock.pass(10_000)
  await asked
  await plainReceiver(around)
  await lane.open()
  expect(await lane.streams!.marks([ID])).toEqual(new Map())
})

test('after a connection on which nothing was stored another address is tried first; not after a useful or idle one', async () => {
  const around = surroundings()
  const receiver = await plainReceiver(around)
  const connect = vi.spyOn(around.net, 'connect')
  const turns = () => connect.mock.calls.map((call) => (call as unknown[])[2])
  const { lane, health } = laneTo(around)
  const again = async (connections: number) => {
    receiver.open.at(-1)!.destroy()
    await vi.waitFor(async () => {
      await around.clock.pass(500)
      expect(health.filter(Boolean)).toHaveLength(connections)
    }, WAIT)
  }
  await lane.open()
  await expect.poll(() => health, WAIT).toEqual([true])
  expect(around.log.lines.at(-1)).toMatchObject({ text: 'connected', values: { address: `h:${PORT}` } })
  // The receiver accepts connections and answers `open`, and nothing else.
  receiver.state.answers = false
  const settled = lane.write(of('<13>a'))
  await expect.poll(() => receiver.texts(), WAIT).toHaveLength(1)
  await around.clock.pass(30_000)
  await again(2)
  await expect.poll(() => receiver.texts(), WAIT).toHaveLength(2)
  receiver.state.answers = true
  await again(3)
  expect(turns()).toEqual([0, 1, 2])
  await settled
  await again(4)
  await around.clock.pass(10_000)
  await again(5)
  expect(turns()).toEqual([0, 1, 2, 0, 0])
})
