import { expect, test } from 'vitest'
import { endOfDay, localDay } from '../../collector/file/local-day.ts'
import { DAY_OVER, laterFirst, parseRotatedName, rotatedName } from '../../collector/file/rotated-name.ts'
import { utc, zoneNamed } from '../../common/message/zone.ts'

test('a rotated name has the day, and also the time if the day was not over', () => {
  expect(rotatedName('app.log', '20261122', DAY_OVER)).toBe('app.log-20261122')
  expect(rotatedName('app.log', '20261122', 93_015)).toBe('app.log-20261122.093015')
})

test('rotated names are parsed, other names are not taken for rotated ones', () => {
  const whole = { base: 'app.log', day: '20261122', ordinal: DAY_OVER, compression: 'none', temporary: false }
  expect(parseRotatedName('app.log-20261122')).toEqual(whole)
  const packed = { ...whole, ordinal: 93_015, compression: 'zstd', temporary: true }
  expect(parseRotatedName('app.log-20261122.093015.zst.new')).toEqual(packed)
  expect(parseRotatedName('app.log-20261122.gz')).toEqual({ ...whole, compression: 'gzip' })
  for (const name of ['app.log', 'app.log-2026112', 'app.log-20261122.1', 'app.log-20261122.zst.old', '-20261122']) {
    expect(parseRotatedName(name)).toBeUndefined()
  }
})

test('the rest of a day sorts after its other files, and a later day after an earlier one', () => {
  const names = ['a-20261122', 'a-20261122.093015', 'a-20261123.000001', 'a-20261122.174459.zst']
  const sorted = names.map((name) => parseRotatedName(name)!).sort(laterFirst)
  expect(sorted.map(({ day, ordinal }) => `${day}.${ordinal}`)).toEqual([
    '20261123.1',
    '20261122.240000',
    '20261122.174459',
    '20261122.93015',
  ])
})

const at = (iso: string) => Date.parse(iso) * 1000

test('days are those of the local zone', () => {
  const paris = zoneNamed('Europe/Paris')!
  expect(localDay(utc, at('2026-11-22T23:30:00Z'))).toBe('20261122')
  expect(localDay(paris, at('2026-11-22T23:30:00Z'))).toBe('20261123')
})

test('a day ends at local midnight, also on the days that have 23 or 25 hours', () => {
  const paris = zoneNamed('Europe/Paris')!
  expect(endOfDay(utc, '20261122')).toBe(at('2026-11-23T00:00:00Z'))
  expect(endOfDay(paris, '20261122')).toBe(at('2026-11-22T23:00:00Z'))
  expect(endOfDay(paris, '20261025')).toBe(at('2026-10-25T23:00:00Z'))
  expect(endOfDay(paris, '20260329')).toBe(at('2026-03-29T22:00:00Z'))
})
