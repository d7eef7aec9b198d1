import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { KernelDrops, parseUdpTable } from '../../collector/listen/kernel-drops.ts'
import { defectsOf } from '../../common/message/defects.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import type { Disk } from '../../common/disk.ts'
import { FakeClock } from '../fake/clock.ts'
import { HeldSink, MemorySink } from '../fake/sink.ts'
import { until } from '../net/until.ts'
import { LOOPBACK, platformOf, sendDatagrams, serve, udp } from './serving.ts'

class MarkedSink extends MemorySink {
  readonly marks = new Map<string, string[]>()

  override write(batch: Batch): Promise<void> {
    const written = super.write(batch)
    this.texts.slice(-batch.count).forEach((text, i) => this.marks.set(text, defectsOf(batch.marks?.[i] ?? 0)))
    return written
  }
}

test('a datagram is a message without its terminator; an empty one is not a message', async () => {
  const sink = new MarkedSink()
  const { port } = await serve({ listen: [udp] }, sink)
  const datagrams = ['', '<13>a', '<13>b\n', '\n', '<13>c\r\n', '\0', '<13>d\0', '<13>e\nf', '12 monkeys', '<13>last']
  await sendDatagrams(port, datagrams)
  await until('the last', () => sink.texts.at(-1) === '<13>last')
  expect(sink.texts).toEqual(['<13>a', '<13>b', '<13>c', '<13>d', '<13>e\nf', '12 monkeys', '<13>last'])
  expect([...sink.marks.values()].flat()).toEqual([])
})

test('an octet count before a message is removed, and recorded as a defect', async () => {
  const sink = new MarkedSink()
  const { port } = await serve({ listen: [udp] }, sink)
  await sendDatagrams(port, ['5 <13>a', '999 <13>b\n'])
  await until('both', () => sink.texts.length === 2)
  expect([...sink.marks]).toEqual([
    ['<13>a', ['FRAME_COUNT_IN_DATAGRAM']],
    ['<13>b', ['FRAME_COUNT_IN_DATAGRAM']],
  ])
})

test('a number is text unless a valid PRI follows', async () => {
  const sink = new MarkedSink()
  const { port } = await serve({ listen: [udp] }, sink)
  await sendDatagrams(port, ['12 <b>text</b>', '3 < 4', '7 <999>a', '1 <'])
  await until('all', () => sink.texts.length === 4)
  expect([...sink.marks]).toEqual(['12 <b>text</b>', '3 < 4', '7 <999>a', '1 <'].map((text) => [text, []]))
})

test('the largest datagram is received completely; one longer than max_message is split into pieces', async () => {
  const sink = new MemorySink()
  const whole = await serve({ listen: [udp] }, sink)
  await sendDatagrams(whole.port, [Buffer.alloc(65_507, 'x')])
  await until('it', () => sink.texts.length === 1)
  expect(sink.texts[0]).toBe('x'.repeat(65_507))

  const pieces = new MarkedSink()
  const small = await serve({ listen: [udp] }, pieces, { messageBytesMax: 10_000 })
  await sendDatagrams(small.port, [Buffer.alloc(65_507, 'x'), '<13>next'])
  await until('the next', () => pieces.texts.at(-1) === '<13>next')
  const texts = pieces.texts.slice(0, -1)
  expect(texts.map((text) => text.slice(text.indexOf('] ') + 2)).join('')).toBe('x'.repeat(65_507))
  expect(texts.every((text) => pieces.marks.get(text)!.includes('MESSAGE_CHUNKED'))).toBe(true)
  expect(Math.max(...texts.map(({ length }) => length))).toBeLessThanOrEqual(10_000)
})

test('all datagrams of a peer have the same origin object', async () => {
  const sink = new MemorySink()
  const { port } = await serve({ listen: [udp] }, sink)
  await sendDatagrams(port, ['<13>a'])
  await until('the first', () => sink.texts.length === 1)
  await sendDatagrams(port, ['<13>b'])
  await until('the second', () => sink.texts.length === 2)
  const [a, b] = sink.batches.map(({ runs }) => runs[0].origin)
  expect(a).toBe(b)
  expect(a).toMatchObject({ peer: LOOPBACK, source: 'network' })
})

test('datagrams of a sender outside of allow are dropped, counted, and logged at a limited rate', async () => {
  const sink = new MemorySink()
  const { port, counted, platform } = await serve({ listen: [udp], allow: ['10.0.0.0/8'] }, sink)
  await sendDatagrams(port, ['<13>a', '<13>b'])
  await until('the count', async () => {
    return (await counted('sluice_dropped_total{reason="not_allowed",where="network"}')) === 2
  })
  expect(sink.texts).toEqual([])
  expect(platform.log.lines.filter(({ level }) => level === 'warn')).toMatchObject([
    { values: { source: 'network', peer: LOOPBACK, reason: 'not_allowed' } },
  ])
})

test('datagrams without room are dropped and counted: received plus dropped is what was sent', async () => {
  const sink = new HeldSink()
  const { port, counted, stop, platform } = await serve({ listen: [udp] }, sink)
  const datagram = Buffer.alloc(8_000, 'x')
  const dropped = () => counted('sluice_dropped_total{reason="udp_queue_full",where="network"}')
  let sent = 0
  await until('drops in several turns', async () => {
    // Fewer at a time than the smallest receive buffer holds, so that the kernel drops none.
    await sendDatagrams(port, [datagram, datagram, datagram, datagram])
    sent += 4
    return (await dropped()) > 20
  })
  expect(platform.log.lines.filter(({ text }) => text.startsWith('messages dropped: the dest'))).toHaveLength(1)
  const stopped = stop()
  let done = false
  void stopped.then(() => (done = true))
  await until('all is settled', () => {
    while (sink.held.length > 0) sink.settle()
    return done
  })
  const kernel = await counted('sluice_dropped_total{reason="udp_kernel",where="network"}')
  const received = await counted('sluice_received_total{source="network"}')
  expect(received + (await dropped()) + kernel).toBe(sent)
})

test('at a stop, datagrams queued in the kernel are read, and those that it dropped are counted', async () => {
  const sink = new MemorySink()
  const { port, counted, stop } = await serve({ listen: [udp] }, sink)
  const script = `const socket = require('node:dgram').createSocket('udp4')
let left = 3000
const next = () => (left-- > 0 ? socket.send('<13>x', ${port}, '${LOOPBACK}', next) : socket.close())
next()`
  // This process waits synchronously, so that it reads nothing meanwhile.
  expect(spawnSync(process.execPath, ['-e', script]).status).toBe(0)
  await stop()
  expect(sink.texts.length).toBeGreaterThan(0)
  const kernel = await counted('sluice_dropped_total{reason="udp_kernel",where="network"}')
  const full = await counted('sluice_dropped_total{reason="udp_queue_full",where="network"}')
  expect(sink.texts.length + kernel + full).toBe(3000)
})

describe('drops by the kernel', () => {
  const head = '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref'
  const row = (address: string, inode: number, drops: number) =>
    `  112: ${address} 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 ${inode} 2 0000000000000000 ${drops}`
  const four = (...rows: string[]) => [head, ...rows, ''].join('\n')

  test('the table is parsed by columns; other lines are ignored', () => {
    const text = four(row('0100007F:158A', 41232, 17), 'nonsense', row('00000000:0202', 7, 0))
    expect(parseUdpTable(text)).toMatchObject([
      { port: 5514, inode: '41232', drops: 17 },
      { port: 514, inode: '7', drops: 0 },
    ])
    expect(parseUdpTable('')).toEqual([])
  })

  function watching(tables: Record<string, string>) {
    const clock = new FakeClock()
    const platform = {
      ...platformOf(clock),
      disk: {
        readFile: (path: string) =>
          path in tables ? Promise.resolve(Buffer.from(tables[path])) : Promise.reject(new Error('ENOENT')),
      } as unknown as Disk,
    }
    const drops = new KernelDrops('network', platform)
    const counted = async () =>
      (await platform.metrics.snapshot()).get('sluice_dropped_total{reason="udp_kernel",where="network"}') ?? 0
    return { clock, drops, counted, tables }
  }

  test('are counted once, every few seconds, and at a stop', async () => {
    const tables = { '/proc/net/udp': four(row('0100007F:158A', 1, 0)) }
    const { clock, drops, counted } = watching(tables)
    drops.watch({ host: LOOPBACK, port: 5514 })
    drops.start()
    await clock.pass(1)
    expect(await counted()).toBe(0)
    tables['/proc/net/udp'] = four(row('0100007F:158A', 1, 5))
    await clock.pass(6_000)
    await clock.pass(6_000)
    expect(await counted()).toBe(5)
    tables['/proc/net/udp'] = four(row('0100007F:158A', 1, 7))
    await drops.stop()
    expect(await counted()).toBe(7)
  })

  test('of other sockets are not counted: another port, the same port on another address', async () => {
    const { drops, counted } = watching({
      '/proc/net/udp': four(row('0100007F:158B', 1, 3), row('3500007F:158A', 2, 4), row('0100007F:158A', 3, 5)),
      '/proc/net/udp6': four(row('00000000000000000000000001000000:158A', 4, 6)),
    })
    drops.watch({ host: LOOPBACK, port: 5514 })
    await drops.stop()
    expect(await counted()).toBe(5)
  })

  test('of IPv6 sockets are read from /proc/net/udp6', async () => {
    const { drops, counted } = watching({
      '/proc/net/udp6': four(row('00000000000000000000000001000000:158A', 4, 6), row(`${'0'.repeat(32)}:0202`, 5, 2)),
    })
    drops.watch({ host: '::1', port: 5514 })
    drops.watch({ host: '::', port: 514 })
    await drops.stop()
    expect(await counted()).toBe(8)
  })

  test('are not counted on a system without the tables, and nothing fails', async () => {
    const { drops, counted } = watching({})
    drops.watch({ host: LOOPBACK, port: 5514 })
    drops.start()
    await drops.stop()
    expect(await counted()).toBe(0)
  })
})
