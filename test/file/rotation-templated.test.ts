// Rotation of files whose path is a template: the next file is created with its first line.

import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { batchOf, originOf } from '../fake/batch.ts'
import { fakePlatform } from '../fake/platform.ts'
import { fileDestination, linesOf, temporaryFolder, until } from './surroundings.ts'

const monday = Date.UTC(2026, 10, 23, 10) * 1000
const tuesday = Date.UTC(2026, 10, 24, 0, 0, 1) * 1000
const messages = (text: string, received = monday) => batchOf([text], originOf(), received)

test('daily: the file of a day that is in its name leaves no empty file behind', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  const options = { path: join(folder, '{date}.log'), rotate: { daily: true, compress: 'none' } } as const
  const files = fileDestination(options, platform)
  await files.open()
  await files.write(messages('monday'))
  platform.clock.setWall(tuesday)
  await platform.clock.pass(60_000)
  await until(() => readdirSync(folder).includes('2026-11-23.log-20261123'), 'it is rotated')
  await files.write(messages('tuesday', tuesday))
  await files.close(1000)
  expect(readdirSync(folder).sort()).toEqual(['2026-11-23.log-20261123', '2026-11-24.log'])
})

test('size: the file after a rotated one is as large as its own lines', async () => {
  const folder = temporaryFolder()
  const rotate = { daily: false, bytes: 10, compress: 'none' } as const
  const files = fileDestination({ path: join(folder, '{severity}.log'), rotate }, fakePlatform())
  await files.open()
  await files.write(messages('123456789'))
  await until(() => readdirSync(folder).includes('notice.log-20261123.100000'), 'it is rotated')
  for (const text of ['a', 'b']) await files.write(messages(text))
  await files.close(1000)
  expect(linesOf(join(folder, 'notice.log'))).toEqual(['a', 'b'])
})

test('a folder that a sender named like a rotated file does not count for `keep`, and no file is removed for it', async () => {
  const folder = temporaryFolder()
  for (const end of ['20261123.235958', '20261123.999999', '20991231']) mkdirSync(join(folder, `all.log-${end}`))
  const rotate = { daily: false, bytes: 2, keep: { count: 2 }, compress: 'none' } as const
  const platform = fakePlatform()
  const files = fileDestination({ path: join(folder, 'all.log'), rotate }, platform)
  await files.open()
  const rotated = () => readdirSync(folder).filter((name) => /-20261123\.1/.test(name))
  for (const text of ['aa', 'bb', 'cc', 'dd']) {
    await files.write(messages(text))
    await until(() => linesOf(join(folder, 'all.log')).length === 0, 'the rotation')
  }
  await until(() => rotated().length === 2, 'the oldest to be removed')
  await files.close(1000)
  expect(rotated()).toEqual(['all.log-20261123.100002', 'all.log-20261123.100003'])
})
