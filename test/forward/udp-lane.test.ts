import { expect, test } from 'vitest'
import { Fault } from '../../common/fault.ts'
import { createMetrics } from '../../common/metric.ts'
import type { DatagramSender, Net } from '../../common/net/net.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'
import type { Platform } from '../../common/platform.ts'
import { systemRandom } from '../../common/random.ts'
import type { LaneOwner } from '../../shipper/forward/lane.ts'
import { Receivers } from '../../shipper/forward/receivers.ts'
import { UdpLane } from '../../shipper/forward/udp-lane.ts'
import { WireEncoder } from '../../shipper/forward/wire-encoder.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { FakeClock, settle } from '../fake/clock.ts'
import { fakeLog } from '../fake/log.ts'

/** An open lane. While `state.fault` is set, its socket rejects with it. */
async function opened(fault?: Error) {
  const sent: string[] = []
  const state = {
    fault,
    sends: 0,
    lost: undefined as ((reason: Error) => void) | undefined,
    sending: undefined as Promise<void> | undefined,
  }
  const sender: DatagramSender = {
    send(datagram: Buffer) {
      state.sends += 1
      if (state.fault) return Promise.reject(state.fault)
      if (state.sending) return state.sending
      sent.push(datagram.toString())
      return Promise.resolve()
    },
    ready() {
      state.sends += 1
      return state.fault ? Promise.reject(state.fault) : Promise.resolve()
    },
    close: () => Promise.resolve(),
  }
  const [clock, metrics, log] = [new FakeClock(), createMetrics(), fakeLog()]
  const datagramsTo: Net['datagramsTo'] = (_, lost) => {
    state.lost = lost
    return sender
  }
  const net = { datagramsTo } as unknown as Net
  const random = { ...systemRandom, fraction: () => 1 }
  const platform = { clock, metrics, log, net, random, slabs: new SlabPool() } as unknown as Platform
  const encoder = new WireEncoder('received', 'octet', random)
  const receiver = { host: 'logs.example.org', port: 514 }
  const lane = new Receivers(
    'up',
    'failover',
    [(owner) => new UdpLane({ name: 'up', receiver, encoder, platform }, owner)],
    platform,
  )
  await lane.open()
  return { clock, metrics, log, sent, state, lane }
}

const of = (...messages: string[]) => batchOf(messages, originOf(), 0)
const unresolved = () => new Fault('HOST_UNRESOLVED', 'logs.example.org has no address', { retryable: true })

const passing: [what: string, fault: Error][] = [
  ['the name of the receiver has no address', unresolved()],
  ['no descriptor is left for a socket', Object.assign(new Error('bind EMFILE'), { code: 'EMFILE' })],
  ['there is no route to the receiver', Object.assign(new Error('send ENETUNREACH'), { code: 'ENETUNREACH' })],
]

test.each(passing)('messages wait while %s, and are then sent once each, in order', async (_, fault) => {
  const { clock, metrics, log, sent, state, lane } = await opened(fault)
  const written = Promise.all([lane.write(of('<13>1', '<13>2')), lane.write(of('<13>3'))])
  await settle()
  await clock.pass(60_000)
  // Retried after 250 ms, and after twice as long each time; not once per message.
  expect(state.sends).toBe(8)
  expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(8)
  expect(log.lines[0].values['reason']).toContain(fault.message)
  expect(await metrics.total('sluice_write_errors_total')).toBe(8)
  state.fault = undefined
  await clock.pass(30_000)
  await written
  expect(sent).toEqual(['<13>1', '<13>2', '<13>3'])
  expect(await metrics.total('sluice_dropped_total')).toBe(0)
})

test('while the name of one of several receivers has no address, the others get its messages', async () => {
  const faults = new Map<string, Error>([['a.example.org', unresolved()]])
  const sent: string[] = []
  const clock = new FakeClock()
  const log = fakeLog()
  const datagramsTo: Net['datagramsTo'] = ({ host }) => {
    const attempt = (then: () => void) => {
      const fault = faults.get(host)
      if (fault) return Promise.reject(fault)
      then()
      return Promise.resolve()
    }
    return {
      send: (datagram) => attempt(() => sent.push(`${host[0]} ${datagram.toString()}`)),
      ready: () => attempt(() => {}),
      close: () => Promise.resolve(),
    }
  }
  const random = { ...systemRandom, fraction: () => 1 }
  const platform = {
    ...{ clock, metrics: createMetrics(), log, random, slabs: new SlabPool() },
    net: { datagramsTo } as unknown as Net,
  } as unknown as Platform
  const lanes = ['a', 'b'].map((name) => (owner: LaneOwner) => {
    const encoder = new WireEncoder('received', 'octet', random)
    const receiver = { host: `${name}.example.org`, port: 514 }
    return new UdpLane({ name: 'up', receiver, encoder, platform }, owner)
  })
  const receivers = new Receivers('up', 'round-robin', lanes, platform)
  await receivers.open()
  // The clock does not move, so nothing has waited for the name.
  await Promise.all(['<13>1', '<13>2', '<13>3', '<13>4'].map((text) => receivers.write(of(text))))
  expect(sent.toSorted()).toEqual(['b <13>1', 'b <13>2', 'b <13>3', 'b <13>4'])
  const lines = log.lines.map(({ text, values }) => [text, values['to']])
  expect(lines).toContainEqual(['sending continues to another receiver', 'b.example.org:514'])
  expect(lines).toContainEqual(['cannot send to a.example.org:514', undefined])

  faults.clear()
  sent.length = 0
  await clock.pass(60_000)
  await receivers.write(of('<13>5'))
  await receivers.write(of('<13>6'))
  expect(sent.toSorted()).toEqual(['a <13>5', 'b <13>6'])

  // No receiver can be reached: messages wait, and the first one that can be reached again gets all of them.
  const noNetwork = Object.assign(new Error('send ENETUNREACH'), { code: 'ENETUNREACH' })
  faults.set('a.example.org', noNetwork).set('b.example.org', noNetwork)
  sent.length = 0
  const written = Promise.all([receivers.write(of('<13>7')), receivers.write(of('<13>8'))])
  await clock.pass(10_000)
  expect(sent).toEqual([])
  faults.delete('b.example.org')
  await clock.pass(30_000)
  await written
  expect(sent.toSorted()).toEqual(['b <13>7', 'b <13>8'])
  await receivers.close(0)
})

test('close does not wait for a name to be resolved: unsent batches are rejected', async () => {
  const { clock, sent, lane } = await opened(unresolved())
  const rejected = expect(lane.write(of('<13>1'))).rejects.toMatchObject({ code: 'STOPPING' })
  await settle()
  await lane.close(0)
  await rejected
  await clock.pass(60_000)
  expect(sent).toEqual([])
})

test('a datagram that the kernel refuses is dropped, counted and logged, and the next one is sent', async () => {
  const { metrics, log, sent, state, lane } = await opened(
    Object.assign(new Error('send EMSGSIZE'), { code: 'EMSGSIZE' }),
  )
  await lane.write(of('<13>1'))
  state.fault = undefined
  await lane.write(of('<13>2'))
  expect(sent).toEqual(['<13>2'])
  expect(await metrics.total('sluice_dropped_total')).toBe(1)
  expect(log.lines.map(({ text }) => text)).toEqual(['datagram not sent'])
  expect(lane.dropped).toBe(1)
})

test('a message of many datagrams that the kernel refuses counts as one dropped message', async () => {
  const { metrics, lane } = await opened(Object.assign(new Error('send EPERM'), { code: 'EPERM' }))
  await lane.write(of(`<13>${'x'.repeat(200_000)}`, '<13>2'))
  expect(await metrics.total('sluice_dropped_total')).toBe(2)
  expect(lane.dropped).toBe(2)
})

test('datagrams reported as not delivered are counted, and logged at a limited rate', async () => {
  const { metrics, log, state, lane } = await opened()
  await lane.write(of('<13>1', '<13>2'))
  const refused = Object.assign(new Error('recvmsg ECONNREFUSED'), { code: 'ECONNREFUSED' })
  state.lost!(refused)
  state.lost!(refused)
  expect(await metrics.total('sluice_dropped_total')).toBe(2)
  expect(lane.dropped).toBe(2)
  expect(log.lines).toHaveLength(1)
  expect(log.lines[0]).toMatchObject({ level: 'warn', values: { to: 'logs.example.org:514' } })
})

test('a send that fails because the lane was closed is not counted as dropped: its batch is rejected', async () => {
  const { metrics, log, state, lane } = await opened()
  let fail: (error: Error) => void = () => {}
  state.sending = new Promise((_, reject) => (fail = reject))
  const rejected = expect(lane.write(of('<13>1'))).rejects.toMatchObject({ code: 'STOPPING' })
  await settle()
  await lane.close(0)
  fail(Object.assign(new Error('Not running'), { code: 'ERR_SOCKET_DGRAM_NOT_RUNNING' }))
  await rejected
  await settle()
  expect(await metrics.total('sluice_dropped_total')).toBe(0)
  expect(log.lines).toEqual([])
})
