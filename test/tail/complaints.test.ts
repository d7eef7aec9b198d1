import { expect, test } from 'vitest'
import { Complaints } from '../../shipper/tail/complaints.ts'
import { FakeClock } from '../fake/clock.ts'
import { fakeLog } from '../fake/log.ts'

test('an unreadable path is logged once, and again only after a sweep in which it was readable or gone', () => {
  const log = fakeLog()
  const complaints = new Complaints({ log, clock: new FakeClock() })
  const sweep = (...paths: string[]) => {
    for (const path of paths) complaints.report(path, 'EACCES')
    complaints.looked()
    return log.lines.splice(0).map(({ values }) => values['path'])
  }
  expect(sweep('/a', '/b')).toEqual(['/a', '/b'])
  expect(sweep('/a', '/b', '/c')).toEqual(['/c'])
  expect(sweep('/a', '/c')).toEqual([])
  expect(sweep('/a', '/b')).toEqual(['/b'])
  // Reported between two sweeps, and again in the next one.
  complaints.report('/d', 'EIO')
  expect(sweep('/a', '/b', '/d')).toEqual(['/d'])
  expect(sweep('/d')).toEqual([])
})
