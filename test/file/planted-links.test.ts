// Whoever owns a folder that sluice writes to as root may put links there, also between two calls of sluice. They must not give him the files
// that they lead to.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FileOpener } from '../../collector/file/file-opener.ts'
import { systemDisk, type Disk } from '../../common/disk.ts'
import { fakePlatform } from '../fake/platform.ts'
import { fileDestination, temporaryFolder, until } from './surroundings.ts'

const access = { mode: 0o666, folderMode: 0o777 }

/** A folder, and a file beside it that only its owner may read. */
function withSecret() {
  const folder = temporaryFolder()
  const secret = join(folder, 'secret')
  writeFileSync(secret, 'secret\n')
  chmodSync(secret, 0o600)
  const logs = join(folder, 'logs')
  mkdirSync(logs)
  return { secret, logs }
}

const modeOf = (path: string) => statSync(path).mode & 0o777

test('a link with the name of a rotated file is not compressed: the copy would have what it leads to', async () => {
  const { secret, logs } = withSecret()
  symlinkSync(secret, join(logs, 'all.log-20261120'))
  writeFileSync(join(logs, 'all.log-20261121'), 'ours\n')
  const rotate = { daily: true, compress: 'gzip' } as const
  const files = fileDestination({ path: join(logs, 'all.log'), rotate }, fakePlatform())
  await files.open()
  await until(() => !existsSync(join(logs, 'all.log-20261121')), 'the other file to be compressed')
  await files.close(1000)
  expect(readdirSync(logs).filter((name) => name !== 'all.log')).toEqual(['all.log-20261120', 'all.log-20261121.gz'])
})

test('a link that takes the place of a rotated file before it is opened is not compressed', async () => {
  const { secret, logs } = withSecret()
  const path = join(logs, 'all.log-20261120')
  writeFileSync(path, 'ours\n')
  let isRead = false
  const disk: Disk = {
    ...systemDisk,
    async open(...args) {
      if (String(args[0]) !== path) return systemDisk.open(...args)
      renameSync(path, join(logs, 'away'))
      symlinkSync(secret, path)
      const file = await systemDisk.open(...args)
      const close = file.close.bind(file)
      return Object.assign(file, { close: () => close().then(() => void (isRead = true)) })
    },
  }
  const rotate = { daily: true, compress: 'gzip' } as const
  const files = fileDestination({ path: join(logs, 'all.log'), rotate }, fakePlatform(disk))
  await files.open()
  await until(() => isRead, 'the file to be opened and closed')
  await files.close(1000)
  expect(readdirSync(logs).filter((name) => name.endsWith('.gz'))).toEqual([])
})

test.each([false, true])(
  'a link in place of a new file gives its file no other mode (links followed: %s)',
  async (follows) => {
    const { secret, logs } = withSecret()
    const path = join(logs, 'all.log')
    const disk: Disk = { ...systemDisk, statLink: () => Promise.resolve(undefined) }
    symlinkSync(secret, path)
    await expect(new FileOpener(disk, access).open(path, follows, () => false)).rejects.toMatchObject({ code: 'ELOOP' })
    expect(modeOf(secret)).toBe(0o600)
  },
)

test('a link in place of a new folder gives its file no other mode', async () => {
  const { secret, logs } = withSecret()
  const disk: Disk = {
    ...systemDisk,
    async makeFolder(path, mode) {
      const first = await systemDisk.makeFolder(path, mode)
      renameSync(path, `${path}.away`)
      symlinkSync(secret, path)
      return first
    },
  }
  const opening = new FileOpener(disk, access).open(join(logs, 'web', 'all.log'), false, () => false)
  await expect(opening).rejects.toMatchObject({ code: 'ENOTDIR' })
  expect(modeOf(secret)).toBe(0o600)
})
