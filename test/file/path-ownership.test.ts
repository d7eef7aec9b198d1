// Several destinations whose path templates match the same paths.

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { batch } from '../pipeline/batches.ts'
import { fakePlatform } from '../fake/platform.ts'
import { fileDestination, linesOf, temporaryFolder, until } from './surroundings.ts'

test('keep removes no rotated files of another destination, even if they match the own template', async () => {
  const folder = temporaryFolder()
  const bases = ['web.log', 'web.audit.log', 'all.log']
  const days = ['20261101', '20261102', '20261103']
  for (const base of bases) for (const day of days) writeFileSync(join(folder, `${base}-${day}`), 'x\n')
  const files = [
    fileDestination(
      { path: join(folder, '{host}.log'), rotate: { daily: false, compress: 'none', keep: { count: 1 } } },
      fakePlatform(),
    ),
    fileDestination(
      { path: join(folder, '{host}.audit.log'), rotate: { daily: false, compress: 'none', keep: { count: 2 } } },
      fakePlatform(),
    ),
    fileDestination({ path: join(folder, 'all.log'), rotate: { daily: false, compress: 'none' } }, fakePlatform()),
  ]
  for (const each of files) await each.open()
  const left = [
    ...['all.log', 'all.log-20261101', 'all.log-20261102', 'all.log-20261103'],
    ...['web.audit.log-20261102', 'web.audit.log-20261103', 'web.log-20261103'],
  ]
  await until(() => readdirSync(folder).length === left.length, left.join(' '))
  for (const each of files) await each.close(1000)
  expect(readdirSync(folder).sort()).toEqual(left)
})

test('of two equally specific templates that match a path, one writes there and the other to its stand-in path', async () => {
  const folder = temporaryFolder()
  const files = ['{host}-a.log', 'b-{host}.log'].map((name) =>
    fileDestination({ path: join(folder, name) }, fakePlatform()),
  )
  for (const each of files) await each.open()
  // Both templates give b-1-a.log.
  for (const [i, host] of ['b-1', '1-a'].entries()) {
    await files[i].write(batch([{ texts: [`<13>Nov 23 10:00:00 ${host} p: of ${i}`] }]))
  }
  for (const each of files) await each.close(1000)
  const linesByName = readdirSync(folder).map((name) => [name, linesOf(join(folder, name))])
  expect(Object.fromEntries(linesByName)).toEqual({
    'b-1-a.log': ['<13>Nov 23 10:00:00 1-a p: of 1'],
    'unknown-a.log': ['<13>Nov 23 10:00:00 b-1 p: of 0'],
  })
})

test('a sender that has the name of the data folder does not write to it', async () => {
  const folder = temporaryFolder()
  const data = join(folder, 'sluice')
  mkdirSync(data)
  const files = fileDestination({ path: join(folder, '{host}/{program}') }, fakePlatform(), data)
  await files.open()
  for (const said of ['sluice instance', 'sluice-2 instance']) {
    await files.write(batch([{ texts: [`<13>Nov 23 10:00:00 ${said}: x`] }]))
  }
  await files.close(1000)
  expect(readdirSync(data)).not.toContain('instance')
  expect(linesOf(join(folder, 'unknown', 'unknown'))).toEqual(['<13>Nov 23 10:00:00 sluice instance: x'])
  expect(linesOf(join(folder, 'sluice-2', 'instance'))).toEqual(['<13>Nov 23 10:00:00 sluice-2 instance: x'])
})
