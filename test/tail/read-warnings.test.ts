import { expect, test } from 'vitest'
import { ReadWarnings } from '../../shipper/tail/read-warnings.ts'
import { FakeClock } from '../fake/clock.ts'
import { fakeLog } from '../fake/log.ts'

test('an unreadable path is logged once, and again only after a sweep in which it was readable or gone', () => {
  const log = fakeLog()
  const readWarnings = new ReadWarnings({ log, clock: new FakeClock() })
  const sweep = (...paths: string[]) => {
    for (const path of paths) readWarnings.report(path, 'EACCES')
    readWarnings.looked()
    return log.lines.splice(0).map(({ values }) => values['path'])
  }
  expect(sweep('/a', '/b')).toEqual(['/a', '/b'])
  expect(sweep('/a', '/b', '/c')).toEqual(['/c'])
  expect(sweep('/a', '/c')).toEqual([])
  expect(sweep('/a', '/b')).toEqual(['/b'])
  // Reported between two sweeps, and again in the next one.
  readWarnings.report('/d', 'EIO')
  expect(sweep('/a', '/b', '/d')).toEqual(['/d'])
  expect(sweep('/d')).toEqual([])
})
