// `sluice_reconnects_total`: a connection attempt counts when it is made, not while it is waited for.

import { expect, test } from 'vitest'
import { settle } from '../fake/clock.ts'
import { laneTo, surroundings } from './relp-surroundings.ts'
import { lane } from './tcp-surroundings.ts'

test('tcp: what counts are the attempts after the first', async () => {
  const { lane: up, asked, down, clock, metrics } = lane(['a'])
  down.add('a')
  await up.open()
  await settle()
  for (let second = 0; second < 20; second += 1) {
    expect(await metrics.total('sluice_reconnects_total')).toBe(asked.length - 1)
    await clock.pass(1_000)
  }
  expect(asked.length).toBeGreaterThan(3)
})

test('relp: what counts are the attempts after the first', async () => {
  const around = surroundings()
  const { lane: up } = laneTo(around)
  const failed = () => around.log.lines.filter(({ text }) => text === 'no connection to h:2514').length
  await up.open()
  await expect.poll(failed).toBe(1)
  for (let second = 0; second < 20; second += 1) {
    expect(await around.metrics.total('sluice_reconnects_total')).toBe(failed() - 1)
    await around.clock.pass(1_000)
  }
  expect(failed()).toBeGreaterThan(3)
})

test('a connection that is lost at a stop is not counted', async () => {
  const { lane: up, connections, clock, metrics } = lane(['a'])
  await up.open()
  await settle()
  connections[0].reset()
  void up.close(0)
  await clock.pass(60_000)
  expect(connections).toHaveLength(1)
  expect(await metrics.total('sluice_reconnects_total')).toBe(0)
})
