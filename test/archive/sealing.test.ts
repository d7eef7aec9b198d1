// Sealing a day that a reader has open when it ends.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openArchive } from '../../collector/archive/reader.ts'
import { systemDisk } from '../../common/disk.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { fakePlatform } from '../fake/platform.ts'
import { openedArchive, stored, temporaryFolder } from './surroundings.ts'

const NOON = Date.UTC(2026, 10, 23, 12) * 1000
const DAY = 86_400_000_000
const MINUTE_MS = 60_000

const one = (text: string, received: number = NOON) => batchOf([text], originOf(), received)

const files = (folder: string) => readdirSync(join(folder, 'archive')).filter((name) => name.endsWith('.db'))

test('archive: a day that a reader has open when it ends is sealed once the reader has closed it', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  const archive = await openedArchive(platform, folder)
  await archive.write(one('yesterday'))
  const reader = await openArchive(systemDisk, join(folder, 'archive'))
  const part = reader.open(reader.parts[0])
  const start = performance.now()
  await archive.write(one('today', NOON + DAY))
  // Intake does not wait for the reader.
  expect(performance.now() - start).toBeLessThan(4_000)
  const day = join(folder, 'archive', '2026-11-23.db')
  await platform.clock.pass(MINUTE_MS)
  await archive.write(one('meanwhile', NOON + DAY))
  expect(readFileSync(day)[18]).toBe(2)
  expect(part.blocks()[0].decode().raw(0).toString()).toBe('yesterday')
  part.close()
  await expect.poll(async () => (await platform.clock.pass(MINUTE_MS), readFileSync(day)[18])).toBe(1)
  expect(readdirSync(join(folder, 'archive'))).not.toContain('2026-11-23.db-wal')
  await archive.write(one('later', NOON + DAY))
  expect([...(await stored(folder)).values()]).toEqual(['yesterday', 'today', 'meanwhile', 'later'])
})

test('archive: a day that expired while it was being read does not come back as an empty file', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  platform.clock.setWall(NOON)
  const archive = await openedArchive(platform, folder, { bytesMax: 1 })
  await archive.write(one('yesterday'))
  const reader = await openArchive(systemDisk, join(folder, 'archive'))
  const part = reader.open(reader.parts[0])
  await archive.write(one('today', NOON + DAY))
  await expect.poll(async () => (await platform.clock.pass(MINUTE_MS), files(folder))).toEqual(['2026-11-24.db'])
  part.close()
  await platform.clock.pass(5 * MINUTE_MS)
  await archive.write(one('later', NOON + DAY))
  expect(files(folder)).toEqual(['2026-11-24.db'])
  expect(platform.log.lines.filter(({ text }) => text.includes('cannot'))).toEqual([])
})
