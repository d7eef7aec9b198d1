// The file `acknowledged` of a spool: once a write has resolved, its content and its directory entry survive a power cut.

import { expect, test } from 'vitest'
import { AcknowledgedFile, readAcknowledged } from '../../common/spool/acknowledged-file.ts'
import { failOnce, MemoryDisk } from './memory-disk.ts'

const FOLDER = '/data/spool/central'
const place = (position: number) => ({
  ...{ stream: 'a'.repeat(32), position, instance: 'b'.repeat(32) },
  synced: { first: 0, bytes: 0, end: position },
})

/** The disk after a power cut that loses everything unsynced, including directory entries. */
const afterPowerCut = (disk: MemoryDisk) => disk.afterPowerCut(() => 0.99)

test.each(['open', 'sync', 'syncFolder'])(
  '%s fails once during the first write: the second write is durable',
  async (failing) => {
    const disk = new MemoryDisk()
    failOnce(disk, failing)
    const file = new AcknowledgedFile(disk, FOLDER, true)
    await expect(file.write(place(1))).rejects.toMatchObject({ code: 'EIO' })
    await file.write(place(2))
    expect(await readAcknowledged(afterPowerCut(disk), FOLDER)).toMatchObject(place(2))
  },
)

test('with `durability: os`, a write that asks for a sync is durable although the one before it was not synced', async () => {
  const disk = new MemoryDisk()
  const file = new AcknowledgedFile(disk, FOLDER, false)
  await file.write(place(1))
  expect(await readAcknowledged(afterPowerCut(disk), FOLDER)).toBeUndefined()
  await file.write(place(2), true)
  expect(await readAcknowledged(afterPowerCut(disk), FOLDER)).toMatchObject(place(2))
})
