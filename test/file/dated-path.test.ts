// Files of past days whose day is in their path: which ones they are, and that `rotate:` applies to them when they are closed.

import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { DatedPath, isDated } from '../../collector/file/dated-path.ts'
import type { RotateOptions } from '../../collector/file/rotation.ts'
import { compilePath } from '../../collector/file/path-template.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { fakePlatform } from '../fake/platform.ts'
import { failingDisk, fileDestination, linesOf, systemError, temporaryFolder, until } from './surroundings.ts'

test('a path is dated if it has the date, or year, month and day', () => {
  for (const path of ['/x/{date}.log', '/x/{year}/{month}/{day}/{host}']) expect(isDated(compilePath(path))).toBe(true)
  for (const path of ['/x/{host}.log', '/x/{year}-{month}.log', '/x/{received}.log', '/x/{time}.log'])
    expect(isDated(compilePath(path))).toBe(false)
})

test('the day of a path is known only if the template can have produced the path', () => {
  for (const [template, path, day] of [
    ['/x/{host}/{date}.log', '/x/web/2026-11-23.log', '20261123'],
    ['/x/{year}/{month}/{day}/{host}', '/x/2026/11/23/web', '20261123'],
    ['/x/{host}-{date}.log', '/x/a-2026-11-22-2026-11-23.log', '20261123'],
    ['/x/{host}/{host}-{date}.log', '/x/web/web-2026-11-23.log', '20261123'],
    ['/x/{host}/{host}-{date}.log', '/x/web/other-2026-11-23.log', undefined],
    ['/x/{year}/{date}.log', '/x/2026/2026-11-23.log', '20261123'],
    ['/x/{year}/{date}.log', '/x/2025/2026-11-23.log', undefined],
    ['/x/{host}/{date}.log', '/x/web/2026-11-31.log', undefined],
    ['/x/{host}/{date}.log', '/x/web/2026-11-00.log', undefined],
    ['/x/{host}/{date}.log', '/x/web/2026-11-23.log.gz', undefined],
    ['/x/{host}/{date}.log', '/x/web/2026-11-23.log-20261123', undefined],
    ['/x/{host}/{date}.log', '/x/web/old/2026-11-23.log', undefined],
    ['/x/{host}/{date}.log', '/x/.web/2026-11-23.log', undefined],
    ['/x/{host}/{date}.log', '/x/a..b/2026-11-23.log', undefined],
    ['/x/{facility}-{date}.log', '/x/daemon-2026-11-23.log', '20261123'],
    ['/x/{facility}-{date}.log', '/x/app-2026-11-23.log', undefined],
    ['/x/{host}-{year}{month}{day}', '/x/web_20261123', '20261123'],
    ['/x/{host}-{year}{month}{day}', '/x/web-20261123', undefined],
    ['/x/{host}-{year}{month}{day}.{hour}', '/x/web_20261123.10', '20261123'],
  ] as const) {
    expect([path, new DatedPath(compilePath(template)).dayOf(path)]).toEqual([path, day])
  }
})

const monday = Date.UTC(2026, 10, 23, 10) * 1000
const tuesday = Date.UTC(2026, 10, 24, 0, 0, 1) * 1000
const messages = (text: string, received = monday) => batchOf([text], originOf(), received)

async function openDated(path: string, rotate: Partial<RotateOptions>, platform = fakePlatform(), filesMax = 100) {
  const options = { path, filesMax, rotate: { daily: true, compress: 'none', ...rotate } } as const
  const files = fileDestination(options, platform)
  await files.open()
  return files
}

const namesIn = (folder: string, names: string) =>
  until(() => readdirSync(folder).sort().join(' ') === names, `${names}, not ${readdirSync(folder).join(' ')}`)

test('daily: the files of past days that were closed before midnight are compressed, and removed when they are old', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  const rotate = { compress: 'gzip', keep: { ms: 86_400_000 } } as const
  const path = join(folder, '{facility}-{date}.log')
  const files = await openDated(path, rotate, platform, 1)
  await files.write(messages('<13>user'))
  await files.write(messages('<30>daemon')) // only one file may be open: the other one is closed
  platform.clock.setWall(tuesday)
  await platform.clock.pass(60_000)
  await namesIn(folder, 'daemon-2026-11-23.log-20261123.gz user-2026-11-23.log-20261123.gz')
  expect(gunzipSync(readFileSync(join(folder, 'user-2026-11-23.log-20261123.gz'))).toString()).toBe('<13>user\n')
  await files.write(messages('<13>tuesday', tuesday))
  platform.clock.setWall(tuesday + 86_400_000_000)
  await platform.clock.pass(60_000)
  await namesIn(folder, 'user-2026-11-24.log-20261124.gz')
  await files.close(1000)
})

test('daily: the files of past days are rotated at the next start', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  const path = join(folder, '{facility}', '{date}.log')
  const first = await openDated(path, {}, platform)
  await first.write(messages('<13>user'))
  await first.close(1000)
  platform.clock.setWall(tuesday)
  const second = await openDated(path, {}, platform)
  await namesIn(join(folder, 'user'), '2026-11-23.log-20261123')
  await second.close(1000)
  expect(linesOf(join(folder, 'user', '2026-11-23.log-20261123'))).toEqual(['<13>user'])
})

test('daily: past days whose file names look like those of rotated files are compressed, and removed when they are old', async () => {
  const folder = temporaryFolder()
  for (const name of ['web_20261120', 'web_20261121', 'web_20261122', 'web-20261122'])
    writeFileSync(join(folder, name), 'x')
  const rotate = { compress: 'gzip', keep: { ms: 86_400_000 } } as const
  const files = await openDated(join(folder, '{host}-{year}{month}{day}'), rotate)
  await namesIn(folder, 'web-20261122 web_20261122-20261122.gz')
  await files.close(1000)
})

test('daily: what arrives late for a past day goes into a file of its own, and both are kept', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  platform.clock.setWall(tuesday)
  writeFileSync(join(folder, '2026-11-23.log'), 'in time\n')
  const path = join(folder, '{date}.log')
  const first = await openDated(path, {}, platform)
  await namesIn(folder, '2026-11-23.log-20261123')
  await first.write(messages('late'))
  await first.close(1000)
  const second = await openDated(path, {}, platform)
  await namesIn(folder, '2026-11-23.log-20261123 2026-11-23.log-20261123.240001')
  await second.close(1000)
  const lines = readdirSync(folder).flatMap((name) => linesOf(join(folder, name)))
  expect(lines).toEqual(['in time', 'late'])
})

test('daily: today’s file, links, folders, and what other programs or destinations write, are left alone', async () => {
  const folder = temporaryFolder()
  const elsewhere = temporaryFolder()
  writeFileSync(join(elsewhere, 'target'), 'x')
  symlinkSync(join(elsewhere, 'target'), join(folder, 'link-2026-11-20.log'))
  mkdirSync(join(folder, 'folder-2026-11-20.log'))
  for (const name of [
    'web-2026-11-23.log',
    'web-2026-11-24.log',
    '.x-2026-11-20.log',
    'web-2026-11-20.txt',
    'my-2026-11-20.log',
  ])
    writeFileSync(join(folder, name), 'x')
  writeFileSync(join(folder, 'old-2026-11-20.log'), 'x')
  const before = readdirSync(folder).sort()
  const other = await openDated(join(folder, 'my-{date}.log'), { daily: false, bytes: 1000 })
  const files = await openDated(join(folder, '{host}-{date}.log'), { compress: 'gzip', keep: { ms: 86_400_000 } })
  await namesIn(folder, before.filter((name) => name !== 'old-2026-11-20.log').join(' '))
  await files.close(1000)
  await other.close(1000)
})

test('without daily, the files of past days stay as they are', async () => {
  const folder = temporaryFolder()
  for (const day of ['20', '21']) writeFileSync(join(folder, `2026-11-${day}.log-202611${day}`), 'x')
  writeFileSync(join(folder, '2026-11-20.log'), 'x')
  const files = await openDated(join(folder, '{date}.log'), { daily: false, bytes: 1000, compress: 'gzip' })
  await namesIn(folder, '2026-11-20.log 2026-11-20.log-20261120.gz 2026-11-21.log-20261121.gz')
  await files.close(1000)
})

test('a file of a past day that cannot be renamed is reported once, and the others are rotated', async () => {
  const folder = temporaryFolder()
  for (const day of ['20', '21', '22']) writeFileSync(join(folder, `2026-11-${day}.log`), 'x')
  const disk = failingDisk((call, path) =>
    call === 'rename' && path.includes('-21') ? systemError('EPERM') : undefined,
  )
  const platform = fakePlatform(disk)
  const files = await openDated(join(folder, '{date}.log'), {}, platform)
  await namesIn(folder, '2026-11-20.log-20261120 2026-11-21.log 2026-11-22.log-20261122')
  await files.close(1000)
  expect(platform.log.lines.map(({ text }) => text)).toEqual(['a file of a past day is left as it is: EPERM: planted'])
})
