// The owner and group of output files, which only root may set: the calls to the disk are recorded instead.

import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemDisk, type Disk } from '../../common/disk.ts'
import { fakePlatform } from '../fake/platform.ts'
import { batch } from '../pipeline/batches.ts'
import { fileDestination, temporaryFolder, until } from './surroundings.ts'

/** The real disk, except that owners are only recorded, as "path user:group". */
function recordingDisk(owners: string[]): Disk {
  const record = (path: unknown, user: number, group: number) => {
    owners.push(`${String(path)} ${user}:${group}`)
    return Promise.resolve()
  }
  return Object.assign(Object.create(systemDisk) as Disk, {
    ownFolder: (path: unknown, _mode: number, user: number, group: number) => record(path, user, group),
    open: async (...args: Parameters<Disk['open']>) => {
      const file = await systemDisk.open(...args)
      return Object.assign(file, { setOwner: (user: number, group: number) => record(args[0], user, group) })
    },
  })
}

test('new files, and the folders that are made for them, get the owner and group; others are left alone', async () => {
  const folder = temporaryFolder()
  const owners: string[] = []
  const access = { mode: 0o640, folderMode: 0o750, owner: 'root', group: '12345' }
  const files = fileDestination(
    { path: join(folder, '{host}/{program}.log'), access },
    fakePlatform(recordingDisk(owners)),
  )
  await files.open()
  const said = '<13>Nov 23 10:00:00 web app: m'
  await files.write(batch([{ texts: [said] }]))
  expect(owners).toEqual([`${folder}/web 0:12345`, `${folder}/web/app.log 0:12345`])
  writeFileSync(join(folder, 'web', 'there.log'), 'x\n')
  await files.write(batch([{ texts: ['<13>Nov 23 10:00:00 web there: m', said] }]))
  expect(owners).toHaveLength(2)
  await files.close(1000)
})

test('a compressed file gets the owner; without a group, that stays as the system sets it', async () => {
  const folder = temporaryFolder()
  const owners: string[] = []
  const access = { mode: 0o640, folderMode: 0o750, owner: '54321' }
  const rotate = { daily: false, bytes: 4, compress: 'gzip' } as const
  const path = join(folder, 'all.log')
  const files = fileDestination({ path, access, rotate }, fakePlatform(recordingDisk(owners)))
  await files.open()
  await files.write(batch([{ texts: ['12345678'] }]))
  await until(() => readdirSync(folder).some((name) => name.endsWith('.gz')), 'the compressed file')
  expect(owners).toContain(`${path}-20261123.100000.gz.new 54321:-1`)
  await files.close(1000)
})
