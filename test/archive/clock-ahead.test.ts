// A server that was started while the clock was far ahead, and whose clock is then corrected.

import { readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { batchOf, originOf } from '../fake/batch.ts'
import { fakePlatform } from '../fake/platform.ts'
import { openedArchive, stored, temporaryFolder } from './surroundings.ts'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
const NOON = Date.UTC(2026, 10, 23, 12) * 1000
const DAY = DAY_MS * 1000
const AHEAD = Date.UTC(2099, 0, 1, 12) * 1000

const one = (text: string, received: number) => batchOf([text], originOf(), received)

const files = (folder: string) =>
  readdirSync(join(folder, 'archive'))
    .filter((name) => name.endsWith('.db'))
    .toSorted()

test('after a clock that was far ahead is corrected, each day gets a next part of the future day, which expires in time', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  const { clock, log } = platform
  clock.setWall(AHEAD)
  const archive = await openedArchive(platform, folder, { keepMs: 2 * DAY_MS })
  await archive.write(one('with the wrong clock', AHEAD))
  clock.setWall(NOON)
  for (let day = 0; day < 4; day += 1) {
    await archive.write(one(`day ${day}`, NOON + day * DAY))
    await archive.write(one(`day ${day}, later`, NOON + day * DAY + 1))
  }
  expect([...(await stored(folder)).values()]).toEqual([
    'with the wrong clock',
    ...[0, 1, 2, 3].flatMap((day) => [`day ${day}`, `day ${day}, later`]),
  ])
  expect(files(folder)).toEqual(['2099-01-01.2.db', '2099-01-01.3.db', '2099-01-01.4.db', '2099-01-01.db'])
  const logs = log.lines.filter(({ text }) => text.includes('of a day to come'))
  expect(logs.map(({ values }) => values)).toEqual([expect.objectContaining({ part: { day: '2099-01-01', part: 1 } })])

  // The age of such a part counts from its last write, whose time the test sets here.
  const parts = ['2099-01-01.db', '2099-01-01.2.db', '2099-01-01.3.db']
  for (const [day, name] of parts.entries()) {
    const seconds = (NOON + day * DAY) / 1e6
    utimesSync(join(folder, 'archive', name), seconds, seconds)
  }
  // The first day was over at the end of November 23, and is kept for two days.
  clock.setWall(Date.UTC(2026, 10, 25, 23, 58) * 1000)
  await clock.pass(MINUTE_MS)
  expect(files(folder)).toHaveLength(4)
  await expect.poll(async () => (await clock.pass(MINUTE_MS), files(folder))).not.toContain('2099-01-01.db')
  expect(files(folder)).toEqual(['2099-01-01.2.db', '2099-01-01.3.db', '2099-01-01.4.db'])
})

test('marks do not expire because the clock was far ahead: repeats are still recognised after a restart', async () => {
  const folder = temporaryFolder()
  const archive = await openedArchive(fakePlatform(), folder)
  const id = 'a'.repeat(32)
  const fromStream = (texts: string[], from: number) => {
    const batch = batchOf(texts, originOf(), NOON)
    const ends = Uint32Array.from(texts, (_, i) => 10 * (i + 1))
    return { ...batch, runs: [{ ...batch.runs[0], stream: { id, from, to: from + 10 * texts.length, ends } }] }
  }
  await archive.write(fromStream(['a', 'b'], 0))
  await archive.write(one('with the wrong clock', AHEAD))
  await archive.close(5_000)
  const second = await openedArchive(fakePlatform(), folder)
  expect(await second.streams.marks([id])).toEqual(new Map([[id, 20]]))
  await second.write(fromStream(['b', 'c'], 10))
  expect([...(await stored(folder)).values()]).toEqual(['a', 'b', 'with the wrong clock', 'c'])
})

test('a clock that is a few hours ahead around midnight does not begin additional parts', async () => {
  const folder = temporaryFolder()
  const archive = await openedArchive(fakePlatform(), folder)
  await archive.write(one('tomorrow', NOON + DAY))
  await archive.write(one('today', NOON))
  await archive.write(one('tomorrow again', NOON + DAY))
  await archive.write(one('and today', NOON))
  expect(files(folder)).toEqual(['2026-11-24.db'])
})
