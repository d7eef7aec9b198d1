// The line of counters that a daemon logs once a minute.

import { expect, test } from 'vitest'
import { CounterReport } from '../../config/counter-report.ts'
import { REPORT_EVERY_MS } from '../../common/limits.ts'
import { createMetrics } from '../../common/metric.ts'
import { fakeLog } from '../fake/log.ts'

function report() {
  const metrics = createMetrics()
  const log = fakeLog()
  return { metrics, log, report: new CounterReport(metrics, log) }
}

test('counters are logged once a minute', () => expect(REPORT_EVERY_MS).toBe(60_000))

test('counters that are zero are not logged', async () => {
  const { metrics, log, report: counters } = report()
  metrics.count('sluice_received_total', { source: 'in' }, 0)
  await counters.write()
  expect(log.lines).toEqual([{ level: 'info', text: 'counters', values: {} }])
})

test('a counter is logged by its name and labels: its total, and from the second line on how much was added', async () => {
  const { metrics, log, report: counters } = report()
  metrics.count('sluice_received_total', { source: 'in' }, 100)
  metrics.count('sluice_dropped_total', { reason: 'udp_send', where: 'up' }, 2)
  await counters.write()
  metrics.count('sluice_received_total', { source: 'in' }, 50)
  await counters.write()
  await counters.write()
  const dropped = { 'sluice_dropped_total{reason="udp_send",where="up"}': 2 }
  const received = 'sluice_received_total{source="in"}'
  expect(log.lines.map(({ values }) => values)).toEqual([
    { [received]: 100, ...dropped },
    { [received]: 150, ...dropped, added: { [received]: 50 } },
    { [received]: 150, ...dropped },
  ])
})

test('all of a counter that was zero in the line before was added', async () => {
  const { metrics, log, report: counters } = report()
  await counters.write()
  metrics.count('sluice_dropped_total', { reason: 'udp_send', where: 'up' }, 2)
  await counters.write()
  const dropped = { 'sluice_dropped_total{reason="udp_send",where="up"}': 2 }
  expect(log.lines.map(({ values }) => values)).toEqual([{}, { ...dropped, added: dropped }])
})

test('a gauge is logged with its value, also if it has decreased', async () => {
  const { metrics, log, report: counters } = report()
  metrics.set('sluice_connections', { source: 'in' }, 7)
  await counters.write()
  metrics.set('sluice_connections', { source: 'in' }, 3)
  await counters.write()
  expect(log.lines.map(({ values }) => values)).toEqual([
    { 'sluice_connections{source="in"}': 7 },
    { 'sluice_connections{source="in"}': 3 },
  ])
})
