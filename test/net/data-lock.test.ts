import { existsSync, readdirSync, renameSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemDisk, type Disk } from '../../common/disk.ts'
import { lockDataFolder, type DataLock } from '../../common/net/data-lock.ts'
import { isHeard } from '../../common/net/unix-socket.ts'
import { systemRandom } from '../../common/random.ts'
import { temporaryFolder } from '../end-to-end/program.ts'

const lock = (folder: string, disk: Disk = systemDisk) => lockDataFolder(folder, disk, systemRandom)

/** A folder with what a killed process leaves of its lock. */
async function leftByTheDead(): Promise<string> {
  const folder = temporaryFolder()
  const path = join(folder, 'control.sock')
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(path, resolve))
  // Node would remove it.
  renameSync(path, `${path}.kept`)
  await new Promise((resolve) => server.close(resolve))
  renameSync(`${path}.kept`, path)
  return folder
}

test('a folder is one process’s until it is released', async () => {
  const folder = join(temporaryFolder(), 'made')
  const first = await lock(folder)
  await expect(lock(folder)).rejects.toMatchObject({ code: 'DATA_LOCKED' })
  await first.release()
  await (await lock(folder)).release()
})

test('what a killed process left is replaced, and nothing stays of it', async () => {
  const folder = await leftByTheDead()
  const held = await lock(folder)
  expect(readdirSync(folder)).toEqual(['control.sock'])
  await held.release()
  expect(readdirSync(folder)).toEqual([])
})

test('of two that find it at once, one gets the folder', async () => {
  const folder = await leftByTheDead()
  let first: Promise<DataLock> | undefined
  // Another process takes the folder between our look at the file and what we do about it.
  const meanwhile = () => (first ??= lock(folder))
  const slow: Disk = {
    ...systemDisk,
    remove: (path) => meanwhile().then(() => systemDisk.remove(path)),
    rename: (from, to) => meanwhile().then(() => systemDisk.rename(from, to)),
  }
  await expect(lock(folder, slow)).rejects.toMatchObject({ code: 'DATA_LOCKED' })
  expect(await isHeard(join(folder, 'control.sock'))).toBe(true)
  expect(readdirSync(folder)).toEqual(['control.sock'])
  await (await first!).release()
})

test('a path that is too long for a socket is refused, and not cut', async () => {
  const parent = temporaryFolder()
  const folder = join(parent, 'd'.repeat(107))
  await expect(lock(folder)).rejects.toMatchObject({
    code: 'DATA_UNWRITABLE',
    detail: `${folder}/control.sock is too long for a socket (sockaddr_un has 108 bytes)`,
  })
  expect(existsSync(folder) ? readdirSync(folder) : []).toEqual([])
})
