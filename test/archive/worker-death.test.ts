// The worker thread of an archive dies.

import { expect, test } from 'vitest'
import { systemDisk, type Disk } from '../../common/disk.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { settle } from '../fake/clock.ts'
import { fakePlatform } from '../fake/platform.ts'
import { openedArchive, temporaryFolder } from './surroundings.ts'

test('archive: if it is closed while its worker is being restarted, no worker is started any more', async () => {
  let workers = 0
  const count = () => (workers += 1)
  process.on('worker', count)
  let look: Promise<void> | undefined
  let goOn = () => {}
  // The last thing that a start waits for is the WAL of the newest part, which need not be there.
  const open: Disk['open'] = async (path, ...how) => {
    if (String(path).endsWith('-wal')) await look
    return systemDisk.open(path, ...how)
  }
  const platform = fakePlatform(Object.assign(Object.create(systemDisk) as Disk, { open }))
  const archive = await openedArchive(platform, temporaryFolder())
  await archive.write(batchOf(['fine'], originOf(), platform.clock.now()))
  look = new Promise((resolve) => (goOn = resolve))
  // A bug of our own ends the worker; here it is a time of receipt that is no number.
  const fatal = archive.write(batchOf(['x'], originOf(), NaN))
  const restarting = () => platform.log.lines.find(({ text }) => text.includes('restarting it'))?.values
  await expect.poll(restarting).toMatchObject({ code: 'WORKER_DIED' })
  await platform.clock.pass(60_000)
  await archive.close(1000)
  await expect(fatal).rejects.toMatchObject({ code: 'STOPPING' })
  goOn()
  await settle()
  process.off('worker', count)
  expect(workers).toBe(1)
})
