// What an archive removes, by age and by size, and that a wrong clock removes nothing.

import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemDisk, type Disk } from '../../common/disk.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { fakePlatform } from '../fake/platform.ts'
import { openedArchive, temporaryFolder } from './surroundings.ts'

const NOON = Date.UTC(2026, 10, 23, 12) * 1000
const HOUR = 3_600_000_000
const DAY_MS = 86_400_000
const DAY = DAY_MS * 1000
const MINUTE_MS = 60_000
const waiting = 'the clock jumped forward by more than a day: nothing in the archive expires for 24 hours'

const one = (text: string, received: number) => batchOf([text], originOf(), received)

const files = (folder: string) =>
  readdirSync(join(folder, 'archive'))
    .filter((name) => name.endsWith('.db'))
    .toSorted()

/** Starts and stops it at a time; resolves to the files that are left, and what was logged. */
async function restartedAt(time: number, folder: string, disk: Disk = systemDisk) {
  const platform = fakePlatform(disk)
  platform.clock.setWall(time)
  const archive = await openedArchive(platform, folder, { keepMs: 2 * DAY_MS })
  await archive.close(5_000)
  return {
    left: files(folder),
    warnings: platform.log.lines.map(({ text }) => text).filter((text) => text === waiting),
  }
}

async function twoDays(folder: string): Promise<void> {
  const platform = fakePlatform()
  platform.clock.setWall(NOON + DAY)
  const archive = await openedArchive(platform, folder, { keepMs: 2 * DAY_MS })
  await archive.write(one('first', NOON))
  await archive.write(one('second', NOON + DAY))
  await archive.close(5_000)
}

test('archive: days that ended more than `keep` ago are removed', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  platform.clock.setWall(NOON)
  const archive = await openedArchive(platform, folder, { keepMs: 2 * DAY_MS })
  for (let day = 0; day < 4; day += 1) {
    await archive.write(one(`day ${day}`, NOON + day * DAY))
    await platform.clock.pass(DAY_MS)
  }
  const left = ['2026-11-25.db', '2026-11-26.db']
  await expect.poll(async () => (await platform.clock.pass(MINUTE_MS), files(folder))).toEqual(left)
})

test('archive: after the clock has jumped forward, nothing expires for 24 hours, and that is logged', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  platform.clock.setWall(NOON)
  const archive = await openedArchive(platform, folder, { keepMs: 2 * DAY_MS })
  await archive.write(one('before', NOON))
  await archive.write(one('next', NOON + DAY))
  platform.clock.setWall(NOON + 30 * DAY)
  await archive.write(one('after', NOON + 30 * DAY))
  const logged = async () => {
    await platform.clock.pass(MINUTE_MS)
    return platform.log.lines.map(({ text }) => text).join()
  }
  await expect.poll(logged).toContain('nothing in the archive expires for 24 hours')
  expect(files(folder)).toHaveLength(3)
  await platform.clock.pass(DAY_MS)
  await expect.poll(async () => (await platform.clock.pass(MINUTE_MS), files(folder))).toEqual(['2026-12-23.db'])
})

test('archive: expiry also waits after a restart, if the clock had jumped and something was stored since', async () => {
  const folder = temporaryFolder()
  const first = fakePlatform()
  first.clock.setWall(NOON)
  const before = await openedArchive(first, folder, { keepMs: 2 * DAY_MS })
  await before.write(one('before', NOON))
  first.clock.setWall(NOON + 30 * DAY)
  await before.write(one('after', NOON + 30 * DAY))
  await before.close(5_000)
  const second = fakePlatform()
  second.clock.setWall(NOON + 30 * DAY + 3_600_000_000)
  await openedArchive(second, folder, { keepMs: 2 * DAY_MS })
  expect(second.log.lines.map(({ text }) => text).join()).toContain('nothing in the archive expires for 24 hours')
  expect(files(folder)).toEqual(['2026-11-23.db', '2026-12-23.db'])
  await second.clock.pass(DAY_MS)
  await expect.poll(async () => (await second.clock.pass(MINUTE_MS), files(folder))).toEqual(['2026-12-23.db'])
})

test('archive: one that nothing is written to, and that is restarted every day, still expires', async () => {
  const folder = temporaryFolder()
  await twoDays(folder)
  const nextDay = await restartedAt(NOON + 2 * DAY, folder)
  expect(nextDay).toEqual({ left: ['2026-11-23.db', '2026-11-24.db'], warnings: [] })
  const later = await restartedAt(NOON + 3 * DAY, folder)
  expect(later).toEqual({ left: ['2026-11-24.db'], warnings: [] })
})

test('archive: after a jump of the clock it waits for 24 hours altogether, however often it is restarted', async () => {
  const folder = temporaryFolder()
  await twoDays(folder)
  const both = ['2026-11-23.db', '2026-11-24.db']
  expect(await restartedAt(NOON + 30 * DAY, folder)).toEqual({ left: both, warnings: [waiting] })
  expect(await restartedAt(NOON + 30 * DAY + 23 * HOUR, folder)).toEqual({ left: both, warnings: [waiting] })
  expect(await restartedAt(NOON + 31 * DAY + HOUR, folder)).toEqual({ left: ['2026-11-24.db'], warnings: [] })
})

test('archive: nothing of a backup that is copied back expires for 24 hours', async () => {
  const folder = temporaryFolder()
  await twoDays(folder)
  rmSync(join(folder, 'archive', 'swept'), { force: true })
  const { left, warnings } = await restartedAt(NOON + 30 * DAY, folder)
  expect(left).toEqual(['2026-11-23.db', '2026-11-24.db'])
  expect(warnings).toEqual([waiting])
})

test('archive: a part that was half removed when sluice was killed is removed at the next start', async () => {
  const folder = temporaryFolder()
  await twoDays(folder)
  await restartedAt(NOON + 2 * DAY, folder)
  writeFileSync(join(folder, 'archive', '2026-11-23.db-wal'), '')
  let removed = 0
  const remove: Disk['remove'] = (path) =>
    (removed += 1) > 1 ? Promise.reject(new Error('killed')) : systemDisk.remove(path)
  const killed = Object.assign(Object.create(systemDisk) as Disk, { remove })
  await restartedAt(NOON + 3 * DAY, folder, killed)
  await restartedAt(NOON + 3 * DAY, folder)
  expect(readdirSync(join(folder, 'archive')).toSorted()).toEqual(['2026-11-24.db', 'swept'])
})

test('archive: if the archive is larger than max_size, the oldest days are removed, but never the newest', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  const archive = await openedArchive(platform, folder, { bytesMax: 1 })
  await archive.write(one('old', NOON))
  await archive.write(one('new', NOON + DAY))
  await expect.poll(async () => (await platform.clock.pass(MINUTE_MS), files(folder))).toEqual(['2026-11-24.db'])
})
