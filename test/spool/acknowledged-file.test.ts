// Where a spool's receiver is: what is said to be on the disk outlives a power cut, with its name.

import { expect, test } from 'vitest'
import { AcknowledgedFile, readAcknowledged } from '../../common/spool/acknowledged-file.ts'
import { failOnce, MemoryDisk } from './memory-disk.ts'

const FOLDER = '/data/spool/central'
const place = (position: number) => ({
  ...{ stream: 'a'.repeat(32), position, instance: 'b'.repeat(32) },
  synced: { first: 0, bytes: 0, end: position },
})

/** Of what is not synced, names too, nothing is left. */
const afterPowerCut = (disk: MemoryDisk) => disk.afterPowerCut(() => 0.99)

test.each(['open', 'sync', 'syncFolder'])('%s fails once at the first place that is written', async (failing) => {
  const disk = new MemoryDisk()
  failOnce(disk, failing)
  const file = new AcknowledgedFile(disk, FOLDER, true)
  await expect(file.write(place(1))).rejects.toMatchObject({ code: 'EIO' })
  await file.write(place(2))
  expect(await readAcknowledged(afterPowerCut(disk), FOLDER)).toMatchObject(place(2))
})

test('a place that is left to the system is followed by one that is not', async () => {
  const disk = new MemoryDisk()
  const file = new AcknowledgedFile(disk, FOLDER, false)
  await file.write(place(1))
  expect(await readAcknowledged(afterPowerCut(disk), FOLDER)).toBeUndefined()
  await file.write(place(2), true)
  expect(await readAcknowledged(afterPowerCut(disk), FOLDER)).toMatchObject(place(2))
})
