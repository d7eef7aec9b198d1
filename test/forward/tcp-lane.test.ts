import { expect, test } from 'vitest'
import { settle } from '../fake/clock.ts'
import { lane, of } from './tcp-surroundings.ts'

test('a write settles when the kernel has accepted all of it, in order', async () => {
  const { lane: up, connections } = lane(['a'])
  await up.open()
  await settle()
  const order: number[] = []
  void up.write(of('<13>1')).then(() => order.push(1))
  void up.write(of('<13>2')).then(() => order.push(2))
  await settle()
  expect(order).toEqual([])
  expect(connections[0].take()).toBe('<13>1\n')
  await settle()
  expect(order).toEqual([1])
  expect(connections[0].take()).toBe('<13>2\n')
  await settle()
  expect(order).toEqual([1, 2])
})

test('waiting batches are joined to large writes, of which at most four are in flight', async () => {
  const { lane: up, connections } = lane(['a'])
  await up.open()
  await settle()
  for (let i = 0; i < 100; i += 1) void up.write(of(`<13>${i}`))
  expect(connections[0].writes).toHaveLength(4)
  for (let i = 0; i < 4; i += 1) connections[0].take()
  await settle()
  expect(connections[0].writes).toHaveLength(1)
  expect(connections[0].writes[0].text.split('\n')).toHaveLength(97)
})

test('after a connection reset unsettled messages are sent again, in order, and counted as in doubt', async () => {
  const { lane: up, connections, clock, metrics } = lane(['a'])
  await up.open()
  await settle()
  const first = up.write(of('<13>1', '<13>2'))
  const second = up.write(of('<13>3'))
  connections[0].reset()
  await clock.pass(1_000)
  expect(connections).toHaveLength(2)
  expect(connections[1].take()).toBe('<13>1\n<13>2\n<13>3\n')
  await Promise.all([first, second])
  expect(await metrics.total('sluice_in_doubt_total')).toBe(3)
})

test('the wait before reconnecting doubles from 250 ms to 30 s, and is 250 ms again after a connection that lasted', async () => {
  const { lane: up, asked, down, clock, connections } = lane(['a'])
  down.add('a')
  await up.open()
  await settle()
  const times: number[] = []
  for (let i = 0; i < 9; i += 1) {
    const before = asked.length
    const start = clock.monotonicMs()
    while (asked.length === before) await clock.pass(50)
    times.push(clock.monotonicMs() - start)
  }
  expect(times).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  down.delete('a')
  await clock.pass(30_000)
  void up.write(of('<13>1'))
  connections[0].take()
  await clock.pass(10_000)
  connections[0].reset()
  await clock.pass(250)
  expect(connections).toHaveLength(2)
})

test('a receiver that accepts connections and closes them at once is tried less and less often, even if the kernel accepts messages', async () => {
  const { lane: up, connections, clock } = lane(['a'])
  await up.open()
  await settle()
  for (let second = 0; second < 60; second += 1) {
    await clock.pass(1_000)
    void up.write(of('<13>1')).catch(() => {})
    const connection = connections.at(-1)!
    if (connection.destroyed) continue
    while (connection.writes.length > 0) connection.take()
    await settle()
    connection.destroy()
  }
  // After waits of 250 ms to 30 s; without them there would be one connection per second.
  expect(connections.length).toBeLessThanOrEqual(8)
})

test('unsettled messages of a lost receiver go to the next one, and are counted as in doubt', async () => {
  const { lane: up, connections, down, metrics } = lane(['a', 'b'])
  await up.open()
  await settle()
  const first = up.write(of('<13>1'))
  const second = up.write(of('<13>2'))
  connections[0].take()
  await first
  down.add('a')
  connections[0].reset()
  await settle()
  expect(connections[1].take()).toBe('<13>2\n')
  await second
  expect(await metrics.total('sluice_in_doubt_total')).toBe(1)
})

test('a receiver that refuses connections is passed over at once', async () => {
  const { lane: up, connections, down } = lane(['a', 'b'])
  down.add('a')
  const write = up.write(of('<13>1'))
  await up.open()
  await settle()
  expect(connections.map(({ peer }) => peer.host)).toEqual(['b'])
  expect(connections[0].take()).toBe('<13>1\n')
  await write
})

test('a receiver that accepts nothing is logged, and once more only after it has accepted something', async () => {
  const { lane: up, clock, connections, log } = lane(['a'])
  await up.open()
  await settle()
  const late = () => log.lines.filter(({ text }) => text === 'the receiver is slow: it accepts nothing more')
  const first = up.write(of('<13>1'))
  connections[0].take()
  await first
  await clock.pass(60_000)
  expect(late()).toEqual([])
  for (const times of [1, 2]) {
    const write = up.write(of('<13>2'))
    await clock.pass(9_000)
    expect(late()).toHaveLength(times - 1)
    await clock.pass(41_000)
    expect(late()).toHaveLength(times)
    connections[0].take()
    await write
  }
  expect(late()[0].values).toMatchObject({ destination: 'up', to: 'a:514', seconds: 10 })
})

test('close waits for open writes and then ends the connection in order', async () => {
  const { lane: up, connections, clock } = lane(['a'])
  await up.open()
  await settle()
  const write = up.write(of('<13>1'))
  const closed = up.close(5_000)
  await clock.pass(1_000)
  expect(connections[0].ended).toBe(false)
  connections[0].take()
  await Promise.all([write, closed])
  expect(connections[0].ended).toBe(true)
})

test('close rejects writes that have not settled by the deadline, counts them as in doubt, and rejects later writes', async () => {
  const { lane: up, clock, connections, metrics } = lane(['a'])
  await up.open()
  await settle()
  const write = up.write(of('<13>1'))
  const rejected = expect(write).rejects.toMatchObject({ code: 'STOPPING' })
  const closed = up.close(5_000)
  await clock.pass(5_000)
  await closed
  await rejected
  expect(await metrics.total('sluice_in_doubt_total')).toBe(1)
  expect(connections[0].destroyed).toBe(true)
  await expect(up.write(of('<13>2'))).rejects.toMatchObject({ code: 'STOPPING' })
})

test('after a connection that did not last another address is tried first; not after one that lasted or was refused', async () => {
  const { lane: up, clock, connections, turns, down, log } = lane(['a'])
  await up.open()
  await settle()
  expect(log.lines.map(({ text, values }) => [text, values['address']])).toEqual([['connected', 'a:514']])
  for (const lastsMs of [0, 9_000, 10_000]) {
    await clock.pass(lastsMs)
    connections.at(-1)!.reset()
    await clock.pass(1_000)
  }
  expect(turns).toEqual([0, 1, 2, 0])
  down.add('a')
  await clock.pass(10_000)
  connections.at(-1)!.reset()
  await clock.pass(1_000)
  expect(turns.slice(4)).toEqual([0, 0])
})
