// Times in the formats of systemd.time(7), ISO 8601, and plain durations.

import { describe, expect, test } from 'vitest'
import { parseDuration, parseTime, resolveTime } from '../../common/expression/time.ts'
import { utc, zoneNamed, type Zone } from '../../common/message/zone.ts'

const paris = zoneNamed('Europe/Paris')!
// A Friday, 11:30 in Paris.
const NOW = Date.UTC(2026, 10, 20, 10, 30) * 1000

function resolved(text: string, zone: Zone = utc, now = NOW): string | undefined {
  const time = parseTime(text)
  if (!time) return undefined
  const us = resolveTime(time, now, zone)
  const fraction = String(((us % 1e6) + 1e6) % 1e6).padStart(6, '0')
  return new Date(Math.floor(us / 1e6) * 1000).toISOString().replace('.000Z', `.${fraction}Z`)
}

describe('durations', () => {
  test.each([
    ['90s', 90e6],
    ['15m', 15 * 60e6],
    ['2h', 7200e6],
    ['1d12h', 36 * 3600e6],
    ['1w', 7 * 86400e6],
    ['1M', 30.44 * 86400e6],
    ['1y', 365.25 * 86400e6],
    ['1.5h', 5400e6],
    ['5 minutes', 300e6],
    ['1 hour 30min', 5400e6],
    ['2 weeks', 14 * 86400e6],
    ['250ms', 250e3],
    ['7us', 7],
    ['0s', 0],
    ['2H', 7200e6],
  ])('%s', (text, us) => expect(parseDuration(text)).toBe(us))

  test.each(['', '5', 'h', '5x', '-5m', '5m 3', 'five minutes', '1.h', '1:30'])('%j is not a duration', (text) => {
    expect(parseDuration(text)).toBeUndefined()
  })
})

describe('points in time', () => {
  test.each([
    ['now', '2026-11-20T10:30:00.000000Z'],
    ['today', '2026-11-20T00:00:00.000000Z'],
    ['Yesterday', '2026-11-19T00:00:00.000000Z'],
    ['tomorrow', '2026-11-21T00:00:00.000000Z'],
    ['2h', '2026-11-20T08:30:00.000000Z'],
    ['-2h', '2026-11-20T08:30:00.000000Z'],
    ['- 2h', '2026-11-20T08:30:00.000000Z'],
    ['2 hours ago', '2026-11-20T08:30:00.000000Z'],
    ['+1h30m', '2026-11-20T12:00:00.000000Z'],
    ['1d12h', '2026-11-18T22:30:00.000000Z'],
    ['2026-11-19', '2026-11-19T00:00:00.000000Z'],
    ['2026-11-19 10:00', '2026-11-19T10:00:00.000000Z'],
    ['2026-11-19 10:00:05', '2026-11-19T10:00:05.000000Z'],
    ['2026-11-19 10:00:05.25', '2026-11-19T10:00:05.250000Z'],
    ['2026-11-19 10:00:05.1234567', '2026-11-19T10:00:05.123456Z'],
    ['2026-11-19T10:00', '2026-11-19T10:00:00.000000Z'],
    ['2026-11-19T10:00:00Z', '2026-11-19T10:00:00.000000Z'],
    ['2026-11-19t10:00:00z', '2026-11-19T10:00:00.000000Z'],
    ['2026-11-19T10:00:00+01:00', '2026-11-19T09:00:00.000000Z'],
    ['2026-11-19T10:00:00-0530', '2026-11-19T15:30:00.000000Z'],
    ['2026-11-19 10:00 UTC', '2026-11-19T10:00:00.000000Z'],
    ['Thu 2026-11-19 10:00', '2026-11-19T10:00:00.000000Z'],
    ['2026-11-9', '2026-11-09T00:00:00.000000Z'],
    ['2026-11-19 24:00', '2026-11-20T00:00:00.000000Z'],
    ['2028-02-29', '2028-02-29T00:00:00.000000Z'],
    ['10:00', '2026-11-20T10:00:00.000000Z'],
    ['10:00:05', '2026-11-20T10:00:05.000000Z'],
    ['23:59', '2026-11-20T23:59:00.000000Z'],
    ['@0', '1970-01-01T00:00:00.000000Z'],
    ['@1763632800', '2025-11-20T10:00:00.000000Z'],
    ['@1763632800.5', '2025-11-20T10:00:00.500000Z'],
    [' 2h ', '2026-11-20T08:30:00.000000Z'],
    // As `systemd-analyze timestamp` reads them.
    ['-90', '2026-11-20T10:28:30.000000Z'],
    ['-1h 30', '2026-11-20T09:29:30.000000Z'],
    ['90 ago', '2026-11-20T10:28:30.000000Z'],
    ['2h left', '2026-11-20T12:30:00.000000Z'],
    ['26-11-19 10:00', '2026-11-19T10:00:00.000000Z'],
    ['99-11-19', '1999-11-19T00:00:00.000000Z'],
    ['2026-1-2 3:4:5', '2026-01-02T03:04:05.000000Z'],
    ['Thursday 2026-11-19', '2026-11-19T00:00:00.000000Z'],
    ['Nov 19 10:00:05', '2026-11-19T10:00:05.000000Z'],
    ['Nov  9 10:00:05.25', '2026-11-09T10:00:05.250000Z'],
    ['nov 19 10:00:05 UTC', '2026-11-19T10:00:05.000000Z'],
    ['Thu Nov 19 10:00:05', '2026-11-19T10:00:05.000000Z'],
  ])('%s', (text, expected) => expect(resolved(text)).toBe(expected))

  test.each([
    ...[
      '',
      'soon',
      '5',
      '2026',
      '2026-11',
      '2026-13-01',
      '2026-02-29',
      '2026-11-31',
      '2026-11-00',
      '10',
      '25:00',
      '10:60',
    ],
    ...[
      '2026-11-19 25:00',
      '2026-11-19 10',
      '2026-11-19 10:00:61',
      '24:01',
      '10:00Z',
      '10:00 +01:00',
      'now UTC',
      '-1h UTC',
      'today CET',
      '@',
      '@x',
      '--2h',
      '-2h ago',
      'ago',
      'left',
      '+2h left',
    ],
    ...['Fri 2026-11-19', 'Monkey 2026-11-16', 'Fri 10:00', 'Nov 31 10:00', 'Nov 19 10:00 +01:00', 'Nov', '126-11-19'],
    ...['2026-11-19T', '20261119', '19/11/2026', '2026-11-19 10:00 CEST', '2026-11-1910:00', '+', '-', 'now\nor never'],
  ])('%j is not a time', (text) => expect(parseTime(text)).toBeUndefined())
})

// `sluice grep` prints such times, and what it prints is copied into -S and -U.
test.each([
  ['Nov 21 00:00:00', NOW, '2026-11-21T00:00:00.000000Z'],
  ['Nov 22 00:00:00', NOW, '2025-11-22T00:00:00.000000Z'],
  ['Dec 31 23:59:59', Date.UTC(2027, 0, 1) * 1000, '2026-12-31T23:59:59.000000Z'],
  ['Jan  1 00:00:01', Date.UTC(2026, 11, 31, 23, 59) * 1000, '2027-01-01T00:00:01.000000Z'],
  ['Feb 29 12:00:00', NOW, '2024-02-29T12:00:00.000000Z'],
])('a day without a year is the last such day: %s', (text, now, expected) => {
  expect(resolved(text, utc, now)).toBe(expected)
})

describe('in the zone of the user', () => {
  test.each([
    ['today', '2026-11-19T23:00:00.000000Z'],
    ['2026-11-20 10:00', '2026-11-20T09:00:00.000000Z'],
    ['2026-07-01 10:00', '2026-07-01T08:00:00.000000Z'],
    ['2026-11-20T10:00:00Z', '2026-11-20T10:00:00.000000Z'],
    ['10:00', '2026-11-20T09:00:00.000000Z'],
    // Clocks go back from 03:00 to 02:00: half past two occurs twice, and the first one is used.
    ['2026-10-25 02:30', '2026-10-25T00:30:00.000000Z'],
    ['2026-10-25 03:00', '2026-10-25T02:00:00.000000Z'],
    // Clocks go from 02:00 to 03:00: half past two does not exist, and is read as half past three.
    ['2026-03-29 02:30', '2026-03-29T01:30:00.000000Z'],
    ['2026-03-29 03:00', '2026-03-29T01:00:00.000000Z'],
    ['2026-03-29 01:59', '2026-03-29T00:59:00.000000Z'],
  ])('%s in Paris', (text, expected) => expect(resolved(text, paris)).toBe(expected))

  test('days are those of the zone of the user', () => {
    const lateInParis = Date.UTC(2026, 10, 20, 23, 30) * 1000
    expect(resolved('today', paris, lateInParis)).toBe('2026-11-20T23:00:00.000000Z')
    expect(resolved('today', utc, lateInParis)).toBe('2026-11-20T00:00:00.000000Z')
    expect(resolved('yesterday', paris, lateInParis)).toBe('2026-11-19T23:00:00.000000Z')
  })

  // As `systemd-analyze timestamp` interprets them.
  test.each([
    ['today UTC', '2026-11-20T00:00:00.000000Z'],
    ['yesterday UTC', '2026-11-19T00:00:00.000000Z'],
    ['tomorrow UTC', '2026-11-21T00:00:00.000000Z'],
    ['10:00 UTC', '2026-11-20T10:00:00.000000Z'],
    ['00:30:05 UTC', '2026-11-20T00:30:05.000000Z'],
  ])('%s is relative to the day in UTC, in any zone', (text, expected) => {
    const lateInParis = Date.UTC(2026, 10, 20, 23, 30) * 1000
    expect(resolved(text, paris, lateInParis)).toBe(expected)
  })
})
