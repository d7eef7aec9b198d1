// Generated times are written in every form and parsed; the expected result is known from the generator.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { headersOf } from '../../common/message/headers.ts'
import { zoneNamed } from '../../common/message/zone.ts'
import { batchOf, originOf } from '../fake/batch.ts'

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const DAY_MS = 86_400_000
const two = (value: number) => String(value).padStart(2, '0')

/** The parts of a wall-clock time, from which all forms are built. `ms` is in milliseconds since the epoch, as if it were UTC. */
function wallClock(ms: number) {
  const date = new Date(ms)
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()]
  const [hour, minute, second] = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()]
  const clock = `${two(hour)}:${two(minute)}:${two(second)}`
  const short = `${hour % 12 === 0 ? 12 : hour % 12}:${two(minute)}:${two(second)} ${hour < 12 ? 'AM' : 'PM'}`
  const name = MONTHS[month]
  return { year, name, day, clock, short, weekday: DAYS[date.getUTCDay()], iso: date.toISOString().slice(0, 10) }
}
type Wall = ReturnType<typeof wallClock>

const DATED: ((wall: Wall, fraction: string) => string)[] = [
  ({ iso, clock }, fraction) => `${iso}T${clock}${fraction}`,
  ({ iso, clock }, fraction) => `${iso} ${clock}${fraction}`,
  ({ iso, clock }, fraction) => `${iso}t${clock}${fraction.replace('.', ',')}`,
  ({ name, day, year, clock }, fraction) => `${name} ${day} ${year} ${clock}${fraction}`,
  ({ name, day, year, clock }, fraction) => `${name.toUpperCase()} ${two(day)} ${clock}${fraction} ${year}`,
  ({ name, day, year, clock }, fraction) => `${year} ${name} ${two(day)} ${clock}${fraction}`,
  ({ name, day, year, clock }, fraction) => `${day} ${name} ${year} ${clock}${fraction}`,
  ({ weekday, name, day, year, clock }, fraction) => `${weekday} ${name} ${day} ${clock}${fraction} ${year}`,
  ({ weekday, name, day, year, clock }, fraction) => `${weekday}, ${two(day)} ${name} ${year} ${clock}${fraction}`,
  ({ name, day, year, short }, fraction) => `${name} ${day} ${year} ${short}${fraction}`,
  ({ name, day, year, short }) => `${name} ${day} ${short} ${year}`,
]
const UNDATED: ((wall: Wall, fraction: string) => string)[] = [
  ({ name, day, clock }, fraction) => `${name} ${String(day).padStart(2)} ${clock}${fraction}`,
  ({ name, day, clock }, fraction) => `${name.toLowerCase()} ${two(day)} ${clock}${fraction}`,
  ({ name, day, clock }, fraction) => `${name} ${day} ${clock}${fraction}`,
  ({ name, day, short }) => `${name} ${day} ${short}`,
  ({ weekday, name, day, clock }, fraction) => `${weekday} ${name} ${day} ${clock}${fraction}`,
  ({ name, day, clock }, fraction) => `${day} ${name} ${clock}${fraction}`,
]

const fraction = fc.option(fc.array(fc.nat(9), { minLength: 1, maxLength: 9 }), { nil: [] })
const zone = fc.constantFrom<readonly [text: string, minutes: number | undefined]>(
  ...([
    ['', undefined],
    [' UTC', 0],
    [' CET', 60],
    [' NST', -210],
    [' +0530', 330],
    [' -03:30', -210],
    [' GMT+2', 120],
  ] as const),
)
const second = (from: string, to: string) =>
  fc.integer({ min: Date.parse(from) / 1000, max: Date.parse(to) / 1000 }).map((seconds) => seconds * 1000)

/** Parses messages with these times. Returns for each the time in µs since the epoch, and the host, which follows the time. */
function read(times: readonly string[], receivedMs: number, source = 'UTC') {
  const messages = times.map((time) => `<14>${time} web-1 app: m`)
  const batch = batchOf(messages, originOf({ zone: zoneNamed(source)! }), receivedMs * 1000)
  const { times: read, cells } = headersOf(batch)
  const host = (i: number) => batch.slab.bytes.toString('latin1', cells[i * 16 + 4], cells[i * 16 + 5])
  return times.map((_, i) => ({ time: read[i], host: host(i) }))
}

test('a time with a year does not depend on when it is received', () => {
  const received = second('1990-01-01T00:00:00Z', '2090-01-01T00:00:00Z')
  fc.assert(
    fc.property(
      second('1971-01-01T00:00:00Z', '2099-12-30T00:00:00Z'),
      fraction,
      zone,
      received,
      (ms, digits, [text, minutes], at) => {
        const wall = wallClock(ms)
        const us = Number(digits.join('').slice(0, 6).padEnd(6, '0'))
        const times = DATED.map((form) => form(wall, digits.length > 0 ? `.${digits.join('')}` : '') + text)
        read(times, at).forEach(({ time, host }, i) => {
          const part = i === DATED.length - 1 ? 0 : us
          expect([times[i], time, host]).toEqual([times[i], ms * 1000 - (minutes ?? 0) * 60e6 + part, 'web-1'])
        })
      },
    ),
    { numRuns: 120 },
  )
})

test('a time without a year is resolved correctly from eleven months before its receipt to 29 days after it', () => {
  const sent = fc.integer({ min: -330 * 86_400, max: 29 * 86_400 }).map((seconds) => seconds * 1000)
  const zones = fc.constantFrom('UTC', 'Asia/Tokyo', 'America/Phoenix', 'Asia/Kolkata')
  const offsets: Record<string, number> = { UTC: 0, 'Asia/Tokyo': 540, 'America/Phoenix': -420, 'Asia/Kolkata': 330 }
  fc.assert(
    fc.property(
      second('1990-01-01T00:00:00Z', '2090-01-01T00:00:00Z'),
      sent,
      fraction,
      zones,
      zone,
      (at, ago, digits, source, [text, minutes]) => {
        const wall = wallClock(at + ago + (minutes ?? offsets[source]) * 60_000)
        const us = Number(digits.join('').slice(0, 6).padEnd(6, '0'))
        const times = UNDATED.map((form) => form(wall, digits.length > 0 ? `.${digits.join('')}` : '') + text)
        read(times, at, source).forEach(({ time, host }, i) => {
          expect([times[i], time, host]).toEqual([times[i], (at + ago) * 1000 + (i === 3 ? 0 : us), 'web-1'])
        })
      },
    ),
    { numRuns: 120 },
  )
})

test('with arbitrary digits, a time is either invalid or an existing one, near its receipt if it has no year', () => {
  const digits = fc.array(fc.nat(9), { minLength: 20, maxLength: 20 })
  fc.assert(
    fc.property(digits, fc.constantFrom(...DATED, ...UNDATED), (given, form) => {
      const text = form(wallClock(Date.UTC(2026, 9, 11, 22, 14, 15)), '.123456')
      let next = 0
      const time = text.replaceAll(/\d/g, () => String(given[next++ % 20]))
      const at = Date.UTC(2026, 10, 23, 12)
      const [{ time: us }] = read([time], at)
      if (Number.isNaN(us)) return
      // The result is a real date, not after the year 9999.
      expect(Math.abs(us)).toBeLessThanOrEqual(253_402_387_200e6)
      if (UNDATED.includes(form)) expect(Math.abs(us / 1000 - at)).toBeLessThan(5 * 366 * DAY_MS)
    }),
    { numRuns: 300 },
  )
})
