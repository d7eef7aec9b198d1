// The TCP and UDP listeners on a simulated network: what cut, reset and silent connections do to frames.

import { expect, test } from 'vitest'
import { READ_OUT_MS, READ_OUT_QUIET_MS } from '../../common/limits.ts'
import { systemDisk, type Disk } from '../../common/disk.ts'
import { utc } from '../../common/message/zone.ts'
import { createMetrics } from '../../common/metric.ts'
import type { Connection } from '../../common/net/net.ts'
import { systemPlatform } from '../../common/platform.ts'
import { syslogSource } from '../../collector/listen/syslog-source.ts'
import { FakeClock, settle } from '../fake/clock.ts'
import { fakeLog } from '../fake/log.ts'
import { FakeNet } from '../fake/net.ts'
import { MemorySink } from '../fake/sink.ts'

const PORT = 5514

async function serve(given: Record<string, unknown> = {}) {
  const net = new FakeNet()
  const clock = new FakeClock()
  const metrics = createMetrics()
  const platform = { ...systemPlatform(fakeLog(), metrics), net, clock }
  const context = {
    ...{ name: 'network', platform, dataFolder: '/nowhere', hostName: 'h' },
    ...{ messageBytesMax: 1024 * 1024, localZone: utc },
  }
  const listen = [`udp://127.0.0.1:${PORT}`, `tcp://127.0.0.1:${PORT}`]
  const source = syslogSource.create(syslogSource.options.parse({ listen, ...given }), context)
  const sink = new MemorySink()
  const stop = new AbortController()
  await source.open()
  const running = source.run(sink, stop.signal)
  /** Resolves when the source has stopped; the caller has to advance the clock. */
  const stopping = () => {
    stop.abort()
    return running
  }
  const finish = async () => {
    let isOver = false
    void stopping().finally(() => (isOver = true))
    while (!isOver) await clock.pass(READ_OUT_QUIET_MS)
    await running
  }
  const connect = (): Promise<Connection> => net.connect({ host: '127.0.0.1', port: PORT })
  return { net, clock, metrics, sink, connect, stopping, finish }
}

test('a reset in the middle of a frame emits the received part as a message', async () => {
  const { net, sink, connect, finish } = await serve()
  const sender = await connect()
  await sender.write(Buffer.from('<13>whole\n<13>hal'))
  await expect.poll(() => sink.texts).toEqual(['<13>whole'])
  net.resetAll()
  await expect.poll(() => sink.texts).toEqual(['<13>whole', '<13>hal'])
  await finish()
})

test('an incomplete frame of a silent connection is emitted after 30 s, and the connection stays open', async () => {
  const { clock, net, sink, connect, finish } = await serve()
  const sender = await connect()
  await sender.write(Buffer.from('<13>hal'))
  await expect.poll(async () => (await clock.pass(0), sink.texts.length)).toBe(0)
  net.vanishAll()
  await clock.pass(25_000)
  expect(sink.texts).toEqual([])
  await clock.pass(10_000)
  await expect.poll(() => sink.texts).toEqual(['<13>hal'])
  await finish()
})

test('stopping emits incomplete frames', async () => {
  const { sink, connect, finish } = await serve()
  const sender = await connect()
  await sender.write(Buffer.from('<13>a\n<13>b'))
  await expect.poll(() => sink.texts).toEqual(['<13>a'])
  await finish()
  expect(sink.texts).toEqual(['<13>a', '<13>b'])
})

test('at a stop, the connection is half-closed, and read until the sender is quiet', async () => {
  const { clock, sink, connect, stopping } = await serve()
  const sender = await connect()
  await sender.write(Buffer.from('<13>before\n'))
  await expect.poll(() => sink.texts).toEqual(['<13>before'])
  const told = new Promise<void>((end) => sender.start({ data: () => {}, end, close: () => {} }))
  const stopped = stopping()
  await told
  let heard = 1
  for (let ms = 0; ms < 4 * READ_OUT_QUIET_MS; ms += READ_OUT_QUIET_MS / 2) {
    await sender.write(Buffer.from('<13>after\n'))
    await clock.pass(READ_OUT_QUIET_MS / 2)
    heard += 1
    await expect.poll(() => sink.texts.length).toBe(heard)
  }
  await clock.pass(READ_OUT_QUIET_MS + 10)
  await stopped
})

test('at a stop, a sender that does not stop sending is disconnected after two seconds', async () => {
  const { clock, sink, connect, stopping } = await serve()
  const sender = await connect()
  await sender.write(Buffer.from('<13>before\n'))
  await expect.poll(() => sink.texts).toEqual(['<13>before'])
  let isCut = false
  const told = new Promise<void>((end) => sender.start({ data: () => {}, end, close: () => (isCut = true) }))
  const stopped = stopping()
  await told
  let cutMs = 0
  while (!isCut) {
    await sender.write(Buffer.from('<13>more\n')).catch(() => {})
    await clock.pass(100)
    cutMs += 100
  }
  await stopped
  expect(cutMs).toBeLessThanOrEqual(READ_OUT_MS + 100)
  expect(cutMs).toBeGreaterThanOrEqual(READ_OUT_MS)
  expect(sink.texts.length).toBeGreaterThan(10)
})

test('datagrams: empty ones are no message, and an octet count is removed', async () => {
  const { net, sink, finish } = await serve()
  const sender = net.datagramsTo({ host: '127.0.0.1', port: PORT })
  for (const text of ['', '\n', '<13>a', '5 <13>b', '12 monkeys']) {
    await sender.send(Buffer.from(text))
  }
  await expect.poll(() => sink.texts).toEqual(['<13>a', '<13>b', '12 monkeys'])
  expect(sink.batches[0].runs[0].origin.peer).toBe('192.0.2.7')
  await finish()
})

test('connections and datagrams of senders outside of allow are refused and counted', async () => {
  const { net, metrics, sink, connect, finish } = await serve({ allow: ['10.0.0.0/8'] })
  const refused = await connect()
  const ended = new Promise<void>((close) => refused.start({ data: () => {}, end: () => {}, close: () => close() }))
  await ended
  const sender = net.datagramsTo({ host: '127.0.0.1', port: PORT })
  await sender.send(Buffer.from('<13>a'))
  net.from = '10.1.2.3'
  const welcome = await connect()
  await welcome.write(Buffer.from('<13>b\n'))
  await expect.poll(() => sink.texts).toEqual(['<13>b'])
  expect(await metrics.total('sluice_connections_refused_total')).toBe(1)
  expect(await metrics.total('sluice_dropped_total')).toBe(1)
  await finish()
})

test('syslog sources share half of the process’s descriptor limit evenly: further connections are refused, counted and logged', async () => {
  const net = new FakeNet()
  const log = fakeLog()
  const metrics = createMetrics()
  const disk = Object.assign(Object.create(systemDisk) as Disk, { openMax: 9 })
  const platform = { ...systemPlatform(log, metrics), net, disk }
  const sourceAt = (port: number) => {
    const context = {
      ...{ name: `at-${port}`, platform, dataFolder: '/nowhere', hostName: 'h' },
      ...{ messageBytesMax: 1024 * 1024, localZone: utc },
    }
    const source = syslogSource.create(syslogSource.options.parse({ listen: [`tcp://127.0.0.1:${port}`] }), context)
    const stop = new AbortController()
    return { open: () => source.open(), run: () => source.run(new MemorySink(), stop.signal), stop }
  }
  const refused = () => metrics.total('sluice_connections_refused_total')
  const [one, other] = [sourceAt(5514), sourceAt(5515)]
  await one.open()
  await other.open()
  const running = [one.run(), other.run()]
  for (const port of [5514, 5515, 5514, 5515]) await net.connect({ host: '127.0.0.1', port })
  await settle()
  expect(await refused()).toBe(0)
  await net.connect({ host: '127.0.0.1', port: 5515 })
  await expect.poll(refused).toBe(1)
  const values = { source: 'at-5515', reason: 'max_connections', max: 2 }
  expect(log.lines.at(-1)).toMatchObject({ level: 'warn', values })
  // When one source has stopped, the other one gets its share.
  other.stop.abort()
  net.resetAll()
  await running[1]
  for (let i = 0; i < 4; i += 1) await net.connect({ host: '127.0.0.1', port: 5514 })
  await settle()
  expect(await refused()).toBe(1)
  await net.connect({ host: '127.0.0.1', port: 5514 })
  await expect.poll(refused).toBe(2)
  one.stop.abort()
  net.resetAll()
  await running[0]
})
