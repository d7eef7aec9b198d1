import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemDisk } from '../../common/disk.ts'
import { Copies } from '../../shipper/tail/copies.ts'
import { followFrom } from '../../shipper/tail/follow-from.ts'
import { FakeClock } from '../fake/clock.ts'

test('a possible copy is waited for again if it reuses the inode of a suspect that is gone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-copies-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const text = 'one\ntwo\n'
  const paths = ['app.log', 'app.log.1'].map((name) => join(folder, name))
  for (const path of paths) writeFileSync(path, text)
  const [file, copy] = await Promise.all(paths.map((path) => systemDisk.open(path, 'read')))
  onTestFinished(() => Promise.all([file.close(), copy.close()]).then(() => {}))
  const from = { stream: 's', stat: await file.stat(), path: paths[0], position: text.length }
  const followed = await followFrom(from, file)
  const clock = new FakeClock()
  const copies = new Copies(new Map([[followed.key, followed]]), { clock, disk: systemDisk })
  expect(await copies.maybe('inode 7', copy, paths[1], text.length)).toBe(true)
  // After the wait it is not taken for a copy any more, since no truncation has followed.
  copies.look(new Map([['inode 7', {}]]))
  await clock.pass(10_000)
  expect(await copies.maybe('inode 7', copy, paths[1], text.length)).toBe(false)
  expect(await copies.maybe('inode 7', copy, paths[1], text.length)).toBe(true)
  copies.look(new Map())
  await clock.pass(10_000)
  expect(await copies.maybe('inode 7', copy, paths[1], text.length)).toBe(true)
})

test('a file that grows with the followed one for a minute is no copy of it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-copies-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const paths = ['app.log', 'app.mirror.log'].map((name) => join(folder, name))
  for (const path of paths) writeFileSync(path, 'one\n')
  const [file, mirror] = await Promise.all(paths.map((path) => systemDisk.open(path, 'read')))
  onTestFinished(() => Promise.all([file.close(), mirror.close()]).then(() => {}))
  const followed = await followFrom({ stream: 's', stat: await file.stat(), path: paths[0], position: 4 }, file)
  followed.use(file)
  const clock = new FakeClock()
  const copies = new Copies(new Map([[followed.key, followed]]), { clock, disk: systemDisk })
  let seconds = 0
  for (; await copies.maybe('inode 7', mirror, paths[1], (await mirror.stat()).size); seconds += 1) {
    for (const path of paths) appendFileSync(path, 'more\n')
    await clock.pass(1_000)
  }
  expect(seconds).toBeGreaterThan(50)
  expect(seconds).toBeLessThan(70)
})
