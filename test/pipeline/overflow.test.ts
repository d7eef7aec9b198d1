import { expect, test } from 'vitest'
import { createMetrics } from '../../common/metric.ts'
import { Overflow } from '../../common/pipeline/overflow.ts'
import type { Platform } from '../../common/platform.ts'
import { FakeClock, settle } from '../fake/clock.ts'
import { fakeLog } from '../fake/log.ts'

function overflow() {
  const [clock, metrics, log] = [new FakeClock(), createMetrics(), fakeLog()]
  const logged = () => log.lines.map(({ values }) => values['soFar'])
  const dropped = () => metrics.total('sluice_dropped_total')
  const platform = { clock, metrics, log } as unknown as Platform
  return { clock, logged, dropped, overflow: new Overflow('in', 'unix_queue_full', platform) }
}

test('drops are logged at once, then at most every ten seconds, and the last line has the total', async () => {
  const { clock, logged, dropped, overflow: drops } = overflow()
  for (let second = 0; second < 15; second += 1) {
    drops.drop(100)
    await settle()
    if (second === 0) expect(logged()).toEqual([100])
    await clock.pass(1_000)
  }
  expect(logged()).toEqual([100, 1_000])
  await clock.pass(60_000)
  expect(logged()).toEqual([100, 1_000, 1_500])
  expect(await dropped()).toBe(1_500)
  drops.drop(1)
  await settle()
  expect(logged()).toEqual([100, 1_000, 1_500, 1_501])
})

test('a close counts and logs the remaining drops, and none twice', async () => {
  const { clock, logged, dropped, overflow: drops } = overflow()
  drops.drop(1)
  await settle()
  drops.drop(99)
  drops.close()
  await clock.pass(60_000)
  expect(logged()).toEqual([1, 100])
  expect(await dropped()).toBe(100)
})
