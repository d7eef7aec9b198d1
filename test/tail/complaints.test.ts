import { expect, test } from 'vitest'
import { Complaints } from '../../shipper/tail/complaints.ts'
import { FakeClock } from '../fake/clock.ts'
import { fakeLog } from '../fake/log.ts'

test('what cannot be read is said once, however often it is tried; one that was gone, or could be read, meanwhile is said anew', () => {
  const log = fakeLog()
  const complaints = new Complaints({ log, clock: new FakeClock() })
  const look = (...paths: string[]) => {
    for (const path of paths) complaints.report(path, 'EACCES')
    complaints.looked()
    return log.lines.splice(0).map(({ values }) => values['path'])
  }
  expect(look('/a', '/b')).toEqual(['/a', '/b'])
  expect(look('/a', '/b', '/c')).toEqual(['/c'])
  expect(look('/a', '/c')).toEqual([])
  expect(look('/a', '/b')).toEqual(['/b'])
  // Between two looks, and in the next one.
  complaints.report('/d', 'EIO')
  expect(look('/a', '/b', '/d')).toEqual(['/d'])
  expect(look('/d')).toEqual([])
})
