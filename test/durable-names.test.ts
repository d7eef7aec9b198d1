import { expect, test } from 'vitest'
import { systemDisk, type Disk } from '../common/disk.ts'
import { DurableNames } from '../common/durable-names.ts'
import { systemError } from './file/surroundings.ts'

/** A disk that says which folders are synced, and fails with these errors at some. */
function watched(failing: Record<string, string> = {}) {
  const synced: string[] = []
  const disk: Disk = {
    ...systemDisk,
    syncFolder(path) {
      synced.push(path)
      return failing[path] === undefined ? Promise.resolve() : Promise.reject(systemError(failing[path]))
    },
  }
  return { names: new DurableNames(disk), synced: () => synced.splice(0) }
}

test('a name is durable when every folder above it is synced: those above only once', async () => {
  const { names, synced } = watched()
  await names.sync('/var/log/web/app.log')
  expect(synced()).toEqual(['/var/log/web', '/var/log', '/var', '/'])
  await names.sync('/var/log/web/other.log')
  expect(synced()).toEqual(['/var/log/web'])
  await names.sync('/var/log/db/app.log')
  expect(synced()).toEqual(['/var/log/db', '/var/log'])
})

test.each(['EACCES', 'EPERM', 'EROFS', 'EINVAL', 'ENOTSUP'])(
  'a folder that cannot be synced (%s) stops nothing',
  async (errno) => {
    const { names, synced } = watched({ '/': errno, '/var': errno })
    await names.sync('/var/log/app.log')
    expect(synced()).toEqual(['/var/log', '/var', '/'])
  },
)

test('a disk that fails is an error, and the next time all of it is tried again', async () => {
  const failing: Record<string, string> = { '/var': 'EIO' }
  const { names, synced } = watched(failing)
  await expect(names.sync('/var/log/app.log')).rejects.toMatchObject({ code: 'EIO' })
  delete failing['/var']
  synced()
  await names.sync('/var/log/app.log')
  expect(synced()).toEqual(['/var/log', '/var', '/'])
})
