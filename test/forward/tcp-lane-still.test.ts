// Receivers that are connected and accept nothing, or whose machine does not respond.

import { expect, test } from 'vitest'
import { settle } from '../fake/clock.ts'
import { lane, of } from './tcp-surroundings.ts'

test('a receiver that accepts nothing for 90 s is abandoned if there is another one, and its messages are in doubt', async () => {
  const { lane: up, clock, connections, metrics, log } = lane(['a', 'b'])
  await up.open()
  await settle()
  void up.write(of('<13>taken'))
  connections[0].take()
  await settle()
  const stuck = up.write(of('<13>1', '<13>2'))
  await clock.pass(89_000)
  expect(connections[1].writes).toEqual([])
  await clock.pass(2_000)
  expect(connections[1].take()).toBe('<13>1\n<13>2\n')
  await stuck
  const later = up.write(of('<13>3'))
  expect(connections[1].take()).toBe('<13>3\n')
  await later
  expect(await metrics.total('sluice_in_doubt_total')).toBe(2)
  expect(log.lines.some(({ level, text }) => level === 'warn' && text.includes('is abandoned'))).toBe(true)
  // Its connection stays open for what the kernels hold, and nothing more is sent there before that is read.
  expect(connections[0].destroyed).toBe(false)
  for (let minute = 0; minute < 60; minute += 1) {
    await clock.pass(60_000)
    void up.write(of('<13>meanwhile'))
    connections[1].take()
  }
  expect(connections).toHaveLength(2)
  expect(connections[0].writes).toHaveLength(1)
  // It reads again: as after any failure, it has to be well for a while before sending returns.
  connections[0].take()
  await clock.pass(1_000)
  void up.write(of('<13>soon'))
  expect(connections[1].take()).toBe('<13>soon\n')
  await clock.pass(20_000)
  void up.write(of('<13>home'))
  expect(connections[0].take()).toBe('<13>home\n')
})

test('a receiver that accepts nothing is waited for if it is the only one, or if all stand still', async () => {
  const alone = lane(['a'])
  await alone.lane.open()
  await settle()
  const write = alone.lane.write(of('<13>1'))
  await alone.clock.pass(3_600_000)
  expect(alone.connections[0].take()).toBe('<13>1\n')
  await write
  expect(await alone.metrics.total('sluice_in_doubt_total')).toBe(0)

  const { lane: up, clock, connections, metrics } = lane(['a', 'b'])
  await up.open()
  await settle()
  const stuck = up.write(of('<13>1'))
  await clock.pass(3_600_000)
  expect(connections.map(({ writes }) => writes.length)).toEqual([1, 1])
  expect(await metrics.total('sluice_in_doubt_total')).toBe(1)
  // The first one reads the abandoned write: now the second can be abandoned for it.
  connections[0].take()
  await settle()
  await clock.pass(11_000)
  expect(connections[0].take()).toBe('<13>1\n')
  await stuck
  expect(connections).toHaveLength(2)
})

test('a receiver that slowly accepts a large write in parts is not abandoned', async () => {
  const { lane: up, clock, connections } = lane(['a', 'b'])
  await up.open()
  await settle()
  void up.write(of('<13>large'))
  for (let i = 0; i < 100; i += 1) {
    connections[0].takenBytes += 1
    await clock.pass(60_000)
  }
  expect(connections[1].writes).toEqual([])
  expect(connections[0].take()).toBe('<13>large\n')
})

test('an abandoned receiver whose connection is then lost is connected to again, and used again like any lost one', async () => {
  const { lane: up, clock, connections, metrics } = lane(['a', 'b'])
  await up.open()
  await settle()
  void up.write(of('<13>1'))
  await clock.pass(91_000)
  connections[1].take()
  connections[0].reset()
  await clock.pass(1_000)
  expect(connections).toHaveLength(3)
  await clock.pass(20_000)
  void up.write(of('<13>2'))
  expect(connections[2].take()).toBe('<13>2\n')
  expect(await metrics.total('sluice_in_doubt_total')).toBe(1)
})

test('nothing more is sent to a receiver whose machine does not respond, until it responds again', async () => {
  const { lane: up, clock, connections, metrics, log } = lane(['a'])
  await up.open()
  await settle()
  const [connection] = connections
  /** Lets seconds pass in which nothing is acknowledged. */
  const silence = async (seconds: number) => {
    for (let i = 0; i < seconds; i += 1) {
      connection.unacknowledgedMs = connection.unacknowledgedMs! + 1_000
      await clock.pass(1_000)
    }
  }
  // The last acknowledgement is an hour old when something is sent: only the time since then counts.
  connection.unacknowledgedMs = 3_600_000
  for (let i = 0; i < 9; i += 1) {
    void up.write(of(`<13>${i}`))
    connection.take()
    await silence(1)
  }
  expect(log.lines.filter(({ level }) => level === 'warn')).toEqual([])
  await silence(2)
  expect(log.lines.filter(({ text }) => text.includes('does not respond'))).toHaveLength(1)
  const held = up.write(of('<13>held'))
  await silence(600)
  expect(connection.writes).toEqual([])
  connection.unacknowledgedMs = 0
  await clock.pass(1_000)
  expect(connection.take()).toBe('<13>held\n')
  await held
  expect(await metrics.total('sluice_in_doubt_total')).toBe(0)
  expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1)
})

/** Receivers, the first of which has acknowledged nothing since a message was sent to it. */
async function unanswered(receivers: string[]) {
  const begun = lane(receivers)
  await begun.lane.open()
  await settle()
  const [connection] = begun.connections
  connection.unacknowledgedMs = 0
  void begun.lane.write(of('<13>given'))
  connection.take()
  connection.unacknowledgedMs = 1_000_000
  return begun
}

test('messages held back from a machine that does not respond are sent on the next connection', async () => {
  const { lane: up, clock, connections, metrics } = await unanswered(['a'])
  await clock.pass(12_000)
  const held = up.write(of('<13>held'))
  await clock.pass(600_000)
  connections[0].reset()
  await clock.pass(1_000)
  expect(connections[1].take()).toBe('<13>held\n')
  await held
  expect(await metrics.total('sluice_in_doubt_total')).toBe(0)
})

test('one of two receivers whose machine does not respond for 90 s is abandoned, and used again when it responds', async () => {
  const { lane: up, clock, connections } = await unanswered(['a', 'b'])
  await clock.pass(20_000)
  const held = up.write(of('<13>held'))
  await clock.pass(60_000)
  expect(connections[1].writes).toEqual([])
  await clock.pass(12_000)
  expect(connections[1].take()).toBe('<13>held\n')
  await held
  connections[0].unacknowledgedMs = 0
  await clock.pass(20_000)
  void up.write(of('<13>home'))
  expect(connections[0].take()).toBe('<13>home\n')
  expect(connections.map(({ destroyed }) => destroyed)).toEqual([false, false])
})

test('close destroys the connection to an abandoned receiver, since its end would wait for what the receiver does not read', async () => {
  const { lane: up, clock, connections } = lane(['a', 'b'])
  await up.open()
  await settle()
  void up.write(of('<13>1'))
  await clock.pass(91_000)
  connections[1].take()
  await settle()
  await up.close(1_000)
  expect(connections.map(({ destroyed, ended }) => [destroyed, ended])).toEqual([
    [true, false],
    [false, true],
  ])
})
