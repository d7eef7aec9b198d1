import { existsSync, readdirSync, renameSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemDisk, type Disk } from '../../common/disk.ts'
import { lockDataFolder, type DataLock } from '../../common/net/data-lock.ts'
import { hasListener } from '../../common/net/unix-socket.ts'
import { systemRandom } from '../../common/random.ts'
import { temporaryFolder } from '../end-to-end/program.ts'

const lock = (folder: string, disk: Disk = systemDisk) => lockDataFolder(folder, disk, systemRandom)

/** A folder with the stale socket file of a killed process. */
async function leftByTheDead(): Promise<string> {
  const folder = temporaryFolder()
  const path = join(folder, 'control.sock')
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(path, resolve))
  // Under its original name, Node would remove the file when the server closes.
  renameSync(path, `${path}.kept`)
  await new Promise((resolve) => server.close(resolve))
  renameSync(`${path}.kept`, path)
  return folder
}

test('a folder is locked by one process until it is released', async () => {
  const folder = join(temporaryFolder(), 'made')
  const first = await lock(folder)
  await expect(lock(folder)).rejects.toMatchObject({ code: 'DATA_LOCKED' })
  await first.release()
  await (await lock(folder)).release()
})

test('the stale socket file of a killed process is replaced, and no other file is left', async () => {
  const folder = await leftByTheDead()
  const held = await lock(folder)
  expect(readdirSync(folder)).toEqual(['control.sock'])
  await held.release()
  expect(readdirSync(folder)).toEqual([])
})

test('of two processes that find a stale socket file at once, one gets the folder', async () => {
  const folder = await leftByTheDead()
  let first: Promise<DataLock> | undefined
  // Another process locks the folder between our check of the file and its removal.
  const meanwhile = () => (first ??= lock(folder))
  const slow: Disk = {
    ...systemDisk,
    remove: (path) => meanwhile().then(() => systemDisk.remove(path)),
    rename: (from, to) => meanwhile().then(() => systemDisk.rename(from, to)),
  }
  await expect(lock(folder, slow)).rejects.toMatchObject({ code: 'DATA_LOCKED' })
  expect(await hasListener(join(folder, 'control.sock'))).toBe(true)
  expect(readdirSync(folder)).toEqual(['control.sock'])
  await (await first!).release()
})

test('of three processes that start at once, one gets the folder', async () => {
  const folder = await leftByTheDead()
  // The second process comes before the first one moves the stale file aside, the third one after that.
  const others: Promise<DataLock>[] = []
  const anotherComes = async () => {
    const other = lock(folder)
    others.push(other)
    const isOver = other.then(
      () => undefined,
      () => undefined,
    )
    await Promise.race([isOver, new Promise((resolve) => setTimeout(resolve, 200))])
  }
  const slow: Disk = {
    ...systemDisk,
    async rename(from, to) {
      if (others.length === 0) await anotherComes()
      await systemDisk.rename(from, to)
      if (others.length === 1) await anotherComes()
    },
  }
  const first = await Promise.allSettled([lock(folder, slow)])
  const outcomes = [...first, ...(await Promise.allSettled(others))]
  const held = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  expect(others).toHaveLength(2)
  expect(held).toHaveLength(1)
  expect(await hasListener(join(folder, 'control.sock'))).toBe(true)
  for (const each of held) await each.release()
})

test('a process that holds the mutex of a folder for too long does not keep others from locking it', async () => {
  const folder = await leftByTheDead()
  const { dev, ino } = statSync(folder, { bigint: true })
  const squatter = createServer()
  await new Promise<void>((resolve) => squatter.listen(`\0sluice ${dev}:${ino}`, resolve))
  onTestFinished(() => void squatter.close())
  await (await lock(folder)).release()
})

test('a path that is too long for a socket is refused, not truncated', async () => {
  const parent = temporaryFolder()
  const folder = join(parent, 'd'.repeat(107))
  await expect(lock(folder)).rejects.toMatchObject({
    code: 'DATA_UNWRITABLE',
    detail: `${folder}/control.sock is too long for a socket (sockaddr_un has 108 bytes)`,
  })
  expect(existsSync(folder) ? readdirSync(folder) : []).toEqual([])
})
