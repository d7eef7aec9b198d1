// Rotated files are not removed because of a clock that is wrong.

import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fakePlatform } from '../fake/platform.ts'
import { fileDestination, temporaryFolder, until } from '../file/surroundings.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const NOON = Date.UTC(2026, 10, 23, 12)
const jumped = 'the clock jumped forward by more than a day: no rotated file expires for 24 hours'

function surroundings() {
  const folder = temporaryFolder()
  const dataFolder = temporaryFolder()
  const platform = fakePlatform()
  platform.clock.setWall(NOON * 1000)
  writeFileSync(join(folder, 'all.log-20261122'), 'x')
  writeFileSync(join(folder, 'all.log-20261001'), 'old')
  const rotate = { daily: true, compress: 'none', keep: { ms: 10 * DAY_MS } } as const
  const open = async () => {
    const files = fileDestination({ path: join(folder, 'all.log'), rotate }, platform, dataFolder)
    await files.open()
    return files
  }
  const { clock, log } = platform
  return {
    ...{ clock, folder, open },
    rotated: () => readdirSync(folder).filter((name) => name !== 'all.log'),
    warnings: () => log.lines.map(({ text }) => text),
    swept: () => until(() => !readdirSync(folder).includes('all.log-20261001'), 'a look'),
  }
}

for (const restarted of [false, true]) {
  const when = restarted ? 'while sluice was stopped' : 'while sluice was running'
  test(`keep by age: a clock that jumped far ahead ${when} removes nothing for a day, and says so once`, async () => {
    const { clock, folder, open, rotated, swept, warnings } = surroundings()
    let files = await open()
    await swept()
    if (restarted) await files.close(1000)
    clock.setWall((NOON + 40 * DAY_MS) * 1000)
    if (restarted) files = await open()
    await clock.pass(60_000)
    await until(() => warnings().includes(jumped), 'a warning')
    writeFileSync(join(folder, 'all.log-20261121'), 'y')
    await clock.pass(13 * HOUR_MS) // over midnight
    expect(rotated()).toHaveLength(2)
    await clock.pass(23 * HOUR_MS) // and over the next one
    await until(() => rotated().length === 0, 'the old files to be removed')
    expect(warnings()).toEqual([jumped])
    await files.close(1000)
  })
}

test('keep by age: a clock that is set back in time has removed nothing', async () => {
  const { clock, open, rotated, swept, warnings } = surroundings()
  const files = await open()
  await swept()
  clock.setWall((NOON + 40 * DAY_MS) * 1000)
  await clock.pass(60_000)
  await until(() => warnings().includes(jumped), 'a warning')
  clock.setWall((NOON + HOUR_MS) * 1000)
  for (let day = 0; day < 5; day += 1) await clock.pass(DAY_MS)
  expect(rotated()).toEqual(['all.log-20261122'])
  expect(warnings()).toEqual([jumped])
  await files.close(1000)
})

test('keep by age: after a stop over the weekend old files are removed a day later, also if sluice is restarted in between', async () => {
  const { clock, open, rotated, swept, warnings } = surroundings()
  const first = await open()
  await swept()
  await first.close(1000)
  for (const hours of [12 * 24, 12 * 24 + 23, 12 * 24 + 25]) {
    clock.setWall((NOON + hours * HOUR_MS) * 1000)
    const next = await open()
    if (hours > 12 * 24 + 24) await until(() => rotated().length === 0, 'the old file to be removed')
    else await until(() => warnings().length > 0, 'a warning')
    await next.close(1000)
  }
  expect(new Set(warnings())).toEqual(new Set([jumped]))
})

test('keep by age: a machine that was off for a week is not warned of a wrong clock when nothing has expired', async () => {
  const { clock, folder, open, rotated, swept, warnings } = surroundings()
  const first = await open()
  await swept()
  await first.close(1000)
  clock.setWall((NOON + 7 * DAY_MS) * 1000)
  writeFileSync(join(folder, 'all.log-20261110.zst.new'), 'a rest')
  const second = await open()
  await until(() => rotated().join(' ') === 'all.log-20261122', 'a look')
  await second.close(1000)
  expect(warnings()).toEqual([])
})
