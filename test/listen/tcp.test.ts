import { networkInterfaces } from 'node:os'
import { describe, expect, test } from 'vitest'
import { systemClock, type Clock } from '../../common/clock.ts'
import { HALF_FRAME_WAIT_MS, OPEN_WRITE_BYTES_MAX, READ_OUT_MS, SLABS_BYTES_MAX } from '../../common/limits.ts'
import { defectsOf } from '../../common/message/defects.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import { FakeClock } from '../fake/clock.ts'
import { HeldSink, MemorySink } from '../fake/sink.ts'
import { until } from '../net/until.ts'
import { dial, LOOPBACK, serve, tcp } from './serving.ts'

const hasIpv6 = Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === '::1'))

/** Also records the defects that framing found. */
class MarkedSink extends MemorySink {
  readonly marks: string[][] = []

  override write(batch: Batch): Promise<void> {
    for (let i = 0; i < batch.count; i += 1) this.marks.push(defectsOf(batch.marks?.[i] ?? 0))
    return super.write(batch)
  }
}

test('2,000 connections at once: every line arrives once, and there are far fewer batches than lines', async () => {
  const sink = new MemorySink()
  const { port, counted } = await serve({ listen: [tcp] }, sink)
  const sockets = await Promise.all(Array.from({ length: 2000 }, () => dial(port)))
  await until('all are open', async () => (await counted('sluice_connections{source="network"}')) === 2000)
  sockets.forEach((socket, i) => socket.write([0, 1, 2, 3, 4].map((n) => `<13>line ${i}.${n}\n`).join('')))
  await until('all lines', () => sink.texts.length === 10_000)
  expect(new Set(sink.texts).size).toBe(10_000)
  expect(sink.batches.length).toBeLessThan(2000)
  expect(await counted('sluice_received_total{source="network"}')).toBe(10_000)
  for (const socket of sockets) socket.end()
  await until('all are closed', async () => (await counted('sluice_connections{source="network"}')) === 0)
})

test('messages of one connection have one origin, with the address of its peer', async () => {
  const sink = new MemorySink()
  const { port } = await serve({ listen: [tcp], keep_host: false }, sink)
  const socket = await dial(port)
  socket.write('<13>a\n<13>b\n')
  await until('two lines', () => sink.texts.length === 2)
  expect(sink.batches[0].runs).toHaveLength(1)
  const { origin } = sink.batches[0].runs[0]
  expect(origin).toMatchObject({ source: 'network', peer: LOOPBACK, lines: 'syslog', hostForced: true, priority: 13 })
  expect(origin.host.toString()).toBe(LOOPBACK)
})

test('messages sent between open and run arrive', async () => {
  const sink = new MemorySink()
  await serve({ listen: [tcp] }, sink, {
    async beforeRun([port]) {
      const socket = await dial(port)
      socket.write('<13>early\n')
      // Connections are accepted in order, so the first one is accepted before this one.
      await dial(port)
      await new Promise((resolve) => setTimeout(resolve, 20))
    },
  })
  await until('the line', () => sink.texts.length === 1)
  expect(sink.texts).toEqual(['<13>early'])
})

describe('incomplete frames', () => {
  test('are emitted with a defect when the connection ends', async () => {
    const sink = new MarkedSink()
    const { port } = await serve({ listen: [tcp] }, sink)
    const socket = await dial(port)
    socket.end('<13>whole\n<13>half')
    await until('both', () => sink.texts.length === 2)
    expect(sink.texts).toEqual(['<13>whole', '<13>half'])
    expect(sink.marks).toEqual([[], ['FRAME_HALF']])
  })

  test('are emitted with a defect when the connection is reset; other connections are not affected', async () => {
    const sink = new MarkedSink()
    const { port } = await serve({ listen: [tcp] }, sink)
    const [doomed, other] = [await dial(port), await dial(port)]
    other.write('<13>oth')
    doomed.write('<13>first\n200 <13>half of a counted')
    await until('the first', () => sink.texts.length === 1)
    doomed.resetAndDestroy()
    await until('the half', () => sink.texts.length === 2)
    other.write('er\n')
    await until('the other', () => sink.texts.length === 3)
    expect(sink.texts).toEqual(['<13>first', '<13>half of a counted', '<13>other'])
    expect(sink.marks).toEqual([[], ['FRAME_HALF'], []])
  })

  test('are emitted with a defect after half a minute of silence, and the connection stays open', async () => {
    const sink = new MarkedSink()
    const clock = new FakeClock()
    const { port } = await serve({ listen: [tcp] }, sink, { clock })
    const socket = await dial(port)
    // Shifts the frame against the times of the periodic check.
    await clock.pass(2_000)
    socket.write('<13>one\n<13>half')
    await until('the first', () => sink.texts.length === 1)
    await clock.pass(HALF_FRAME_WAIT_MS - 1000)
    expect(sink.texts).toHaveLength(1)
    await clock.pass(2_000)
    await until('the half', () => sink.texts.length === 2)
    socket.write('<13>two\n')
    await until('the next', () => sink.texts.length === 3)
    expect(sink.texts).toEqual(['<13>one', '<13>half', '<13>two'])
    expect(sink.marks[1]).toEqual(['FRAME_HALF'])
  })

  test('a connection without any byte causes no message and no warning', async () => {
    const sink = new MemorySink()
    const { port, counted, platform } = await serve({ listen: [tcp] }, sink)
    const socket = await dial(port)
    socket.end()
    await until('it is closed', async () => (await counted('sluice_connections{source="network"}')) === 0)
    expect(sink.texts).toEqual([])
    expect(platform.log.lines.filter(({ level }) => level !== 'info' && level !== 'debug')).toEqual([])
  })
})

describe('refused connections', () => {
  test('a peer outside of allow is refused, counted and logged with its address', async () => {
    const sink = new MemorySink()
    const { port, counted, platform } = await serve({ listen: [tcp], allow: ['10.0.0.0/8', '2001:db8::/32'] }, sink)
    const socket = await dial(port)
    socket.write('<13>a\n')
    await until('it is closed', () => socket.destroyed)
    expect(await counted('sluice_connections_refused_total{source="network",reason="not_allowed"}')).toBe(1)
    expect(platform.log.lines.at(-1)).toMatchObject({
      level: 'warn',
      values: { peer: LOOPBACK, reason: 'not_allowed' },
    })
    expect(sink.texts).toEqual([])
  })

  test('a peer within allow is not refused', async () => {
    const sink = new MemorySink()
    const { port } = await serve({ listen: [tcp], allow: ['10.0.0.0/8', '127.0.0.0/8'] }, sink)
    const socket = await dial(port)
    socket.write('<13>a\n')
    await until('the line', () => sink.texts.length === 1)
  })

  test('a connection beyond max_connections is refused; after another has ended, a new one is accepted', async () => {
    const sink = new MemorySink()
    const { port, counted } = await serve({ listen: [tcp], max_connections: 2 }, sink)
    const first = await dial(port)
    await dial(port)
    const third = await dial(port)
    await until('the third is closed', () => third.destroyed)
    expect(await counted('sluice_connections_refused_total{source="network",reason="max_connections"}')).toBe(1)
    first.end()
    await until('the first is closed', async () => (await counted('sluice_connections{source="network"}')) === 1)
    const fourth = await dial(port)
    fourth.write('<13>d\n')
    await until('the line', () => sink.texts.length === 1)
  })
})

test.runIf(hasIpv6)('an IPv4 peer of a dual-stack socket is allowed by its IPv4 network', async () => {
  const sink = new MemorySink()
  const { port } = await serve({ listen: ['tcp://[::]:0'], allow: ['127.0.0.1', '::1'] }, sink)
  const [four, six] = [await dial(port), await dial(port, '::1')]
  four.write('<13>four\n')
  await until('the first', () => sink.texts.length === 1)
  six.write('<13>six\n')
  await until('the second', () => sink.texts.length === 2)
  expect(sink.batches.flatMap(({ runs }) => runs.map(({ origin }) => origin.peer))).toEqual(['127.0.0.1', '::1'])
})

describe('backpressure', () => {
  const line = `<13>${'x'.repeat(1000)}`

  async function braked(clock: Clock = systemClock) {
    const sink = new HeldSink()
    const server = await serve({ listen: [tcp] }, sink, { clock })
    const socket = await dial(server.port)
    const lines = 60_000
    let sent = 0
    const sending = (async () => {
      for (let i = 0; i < lines; i += 100) {
        const block = Array.from({ length: 100 }, (_, n) => `${line} ${i + n}\n`).join('')
        const failure = await new Promise((resolve) => socket.write(block, resolve))
        if (!failure) sent = i + 100
      }
    })()
    let before = -1
    await until('the sender stands', async () => {
      const stands = sent === before && sent > 0
      before = sent
      await new Promise((resolve) => setTimeout(resolve, 200))
      return stands
    })
    expect(sent).toBeLessThan(lines)
    return { ...server, sink, sending, lines, taken: () => sent }
  }

  const openBytes = (sink: HeldSink) =>
    sink.held.reduce((sum, { texts }) => sum + texts.reduce((bytes, { length }) => bytes + length, 0), 0)

  test('a sink that does not settle stops the sender within the memory bounds; when it settles, no line is missing', async () => {
    const { sink, platform, sending, lines } = await braked()
    expect(openBytes(sink)).toBeLessThan(OPEN_WRITE_BYTES_MAX + 1024 * 1024)
    expect(platform.slabs.bytesOut).toBeLessThan(SLABS_BYTES_MAX)
    const texts: string[] = []
    await until('all lines', () => {
      while (sink.held.length > 0) {
        texts.push(...sink.held[0].texts)
        sink.settle()
      }
      return texts.length === lines
    })
    await sending
    expect(texts.every((text, i) => text === `${line} ${i}`)).toBe(true)
  })

  test('a connection made meanwhile waits, and is read afterwards', async () => {
    const { sink, port, lines } = await braked()
    const late = await dial(port)
    const blocked = late.write(Buffer.alloc(32 * 1024 * 1024, 'y'))
    late.write('\n<13>late\n')
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(blocked).toBe(false)
    expect(openBytes(sink)).toBeLessThan(OPEN_WRITE_BYTES_MAX + 1024 * 1024)
    let count = 0
    let heard = false
    await until('all lines', () => {
      while (sink.held.length > 0) {
        for (const text of sink.held[0].texts) {
          if (text.startsWith(line)) count += 1
          if (text === '<13>late') heard = true
        }
        sink.settle()
      }
      return count === lines && heard
    })
  })

  test('a stop during backpressure resolves when the held writes settle', async () => {
    const { sink, stop } = await braked()
    const stopped = stop()
    let done = false
    void stopped.then(() => (done = true))
    await until('all is settled', () => {
      while (sink.held.length > 0) sink.settle()
      return done
    })
    await stopped
  })

  test('however long a stop has to wait for room, everything sent before is read, also from connections made meanwhile', async () => {
    let skippedMs = 0
    const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + skippedMs }
    const { sink, port, stop, sending, taken } = await braked(clock)
    const late = await dial(port)
    late.end('<13>late\n')
    await new Promise((resolve) => setTimeout(resolve, 50))
    const stopped = stop()
    let done = false
    void stopped.then(() => (done = true))
    await new Promise((resolve) => setTimeout(resolve, 50))
    skippedMs = READ_OUT_MS
    await new Promise((resolve) => setTimeout(resolve, 50))
    const texts: string[] = []
    await until('all is settled', () => {
      while (sink.held.length > 0) {
        texts.push(...sink.held[0].texts)
        sink.settle()
      }
      return done
    })
    await sending
    expect(texts.filter((text) => text.startsWith(line))).toHaveLength(taken())
    expect(texts).toContain('<13>late')
  })
})

test('messages of a rejected write are counted as dropped with a reason, and the connection stays open', async () => {
  const sink = new HeldSink()
  const { port, counted } = await serve({ listen: [tcp] }, sink)
  const socket = await dial(port)
  socket.write('<13>a\n<13>b\n')
  await until('a write', () => sink.held.length === 1)
  sink.settle(new Error('no'))
  await until('the count', async () => {
    return (await counted('sluice_dropped_total{reason="write_failed",where="network"}')) === 2
  })
  socket.write('<13>c\n')
  await until('another write', () => sink.held.length === 1)
  expect(sink.held[0].texts).toEqual(['<13>c'])
  sink.settle()
})

test('a line of 10 MB is split into pieces, and the next line is complete', async () => {
  const sink = new MemorySink()
  const { port } = await serve({ listen: [tcp] }, sink)
  const socket = await dial(port)
  socket.write(Buffer.alloc(10_000_000, 'z'))
  socket.write('\n<13>next\n')
  await until('the next line', () => sink.texts.at(-1) === '<13>next')
  const bytes = sink.texts.slice(0, -1).map((text) => text.slice(text.indexOf('] ') + 2))
  expect(bytes.join('')).toBe('z'.repeat(10_000_000))
})

test('a huge octet count does not reserve memory', async () => {
  const sink = new MemorySink()
  const { port, platform } = await serve({ listen: [tcp] }, sink)
  const sockets = await Promise.all(Array.from({ length: 100 }, () => dial(port)))
  for (const socket of sockets) socket.end('67108864 <13>only this\n')
  await until('all', () => sink.texts.length === 100)
  expect(platform.slabs.bytesOut).toBeLessThan(1024 * 1024)
  expect(new Set(sink.texts)).toEqual(new Set(['<13>only this']))
})
