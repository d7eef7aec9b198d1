// A file that cannot be opened, at a start or later: its lines wait, this is logged, and the start does not fail.

import { execFileSync } from 'node:child_process'
import { closeSync, constants, existsSync, mkdirSync, openSync, readdirSync, readSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { errnoOf } from '../../common/fault.ts'
import { batch } from '../pipeline/batches.ts'
import { fakePlatform, type FakePlatform } from '../fake/platform.ts'
import { pathsOpenBelow } from '../tail/tailing.ts'
import { leftUncommitted, openIn, settled, stream } from './lives.ts'
import { failingDisk, fileDestination, linesOf, systemError, temporaryFolder, until } from './surroundings.ts'

const line = (text: string) => batch([{ texts: [text] }])

const said = ({ log }: FakePlatform) => until(() => log.lines.length > 0, 'a word about it')

test.each(['EACCES', 'EIO', 'ENOENT', 'ENOSPC', 'EROFS', 'EMFILE'])(
  'a file that cannot be opened at the start (%s) is opened as soon as that is possible',
  async (errno) => {
    const path = join(temporaryFolder(), 'all.log')
    let isDown = true
    const disk = failingDisk((call, at) => (call === 'open' && at === path && isDown ? systemError(errno) : undefined))
    const platform = fakePlatform(disk)
    const files = fileDestination({ path }, platform)
    await files.open()
    await said(platform)
    expect(platform.log.lines).toMatchObject([{ level: 'warn', values: { errno, path } }])
    const write = files.write(line('<13>a'))
    await platform.clock.pass(1000)
    isDown = false
    await settled(write, platform)
    expect(linesOf(path)).toEqual(['<13>a'])
    await files.close(1000)
  },
)

test('if a folder has the name of the file, the file is created when the folder is gone, even without a line to write', async () => {
  const path = join(temporaryFolder(), 'folder')
  mkdirSync(path)
  const platform = fakePlatform()
  const files = fileDestination({ path }, platform)
  await files.open()
  await said(platform)
  expect(platform.log.lines).toMatchObject([{ level: 'warn', values: { errno: 'EISDIR', path } }])
  rmdirSync(path)
  await platform.clock.pass(200)
  await until(() => existsSync(path), 'the file')
  await files.close(1000)
})

test('a pipe that nobody reads: lines wait at the start and later, and a later reader gets all of them', async () => {
  const path = join(temporaryFolder(), 'pipe')
  execFileSync('mkfifo', [path])
  const platform = fakePlatform()
  const files = fileDestination({ path }, platform)
  await files.open()
  await said(platform)
  expect(platform.log.lines[0]).toMatchObject({ values: { errno: 'ENXIO' } })
  expect(platform.log.lines[0].text).toContain('a pipe that nobody reads')
  const first = files.write(line('<13>a'))
  await platform.clock.pass(1000)
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  await settled(first, platform)
  expect(readText(reader)).toBe('<13>a\n')
  closeSync(reader)
  const second = files.write(line('<13>b'))
  await platform.clock.pass(1000)
  const next = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  await settled(second, platform)
  expect(readText(next)).toBe('<13>b\n')
  closeSync(next)
  await files.close(1000)
})

test('a pipe with a slow reader: writing follows the speed of the reader, and nothing is logged', async () => {
  const path = join(temporaryFolder(), 'pipe')
  execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const platform = fakePlatform()
  const files = fileDestination({ path }, platform)
  await files.open()
  const texts = Array.from({ length: 10_000 }, (_, i) => `<13>line ${i} ${'x'.repeat(40)}`)
  const write = { isSettled: false }
  void files.write(batch([{ texts }])).then(() => (write.isSettled = true))
  let read = ''
  const giveUp = Date.now() + 20_000
  // The pipe holds 64 KiB of 500. With the retry intervals of a failing disk, this would take half a minute.
  while (!write.isSettled && Date.now() < giveUp) {
    await platform.clock.pass(10)
    read += readText(reader)
  }
  read += readText(reader)
  expect(read).toBe(texts.map((text) => `${text}\n`).join(''))
  expect(platform.clock.monotonicMs()).toBeLessThan(5_000)
  expect(platform.log.lines).toEqual([])
  closeSync(reader)
  await files.close(1000)
})

test('a stop does not wait for a file that could not be opened and has no lines to write', async () => {
  const path = join(temporaryFolder(), 'pipe')
  execFileSync('mkfifo', [path])
  const files = fileDestination({ path }, fakePlatform())
  await files.open()
  // The clock does not advance, so `close` cannot end by its deadline.
  await files.close(1000)
})

test('crash: a file that cannot be truncated yet (on a disk that became read-only) is truncated before anything is written', async () => {
  const { folder, path } = await leftUncommitted()
  let isDown = true
  const disk = failingDisk((call, at) => (call === 'open' && at === path && isDown ? systemError('EROFS') : undefined))
  const platform = fakePlatform(disk)
  const files = await openIn(folder, platform)
  expect(platform.log.lines).toMatchObject([{ level: 'warn', values: { errno: 'EROFS', path } }])
  const over = { isOver: false }
  const lines = stream(10, 'b', 'c')
  const { id } = lines.runs[0].stream!
  const write = files.write(lines).then(() => (over.isOver = true))
  await platform.clock.pass(20_000)
  expect(over.isOver).toBe(false)
  // What the last run committed may be in the system's cache only, so nobody is told of it.
  expect(await files.streams.marks([id])).toEqual(new Map())
  expect(linesOf(path)).toEqual(['a', 'b'])
  isDown = false
  await settled(write, platform)
  expect(linesOf(path)).toEqual(['a', 'b', 'c'])
  expect(await files.streams.marks([id])).toEqual(new Map([[id, 30]]))
  expect(readdirSync(join(folder, 'data/cut'))).toHaveLength(1)
  await files.close(1000)
})

test('crash: a file that could not be truncated during a whole run is truncated in the next, and waiting writes are rejected at the stop', async () => {
  const { folder, path } = await leftUncommitted()
  const disk = failingDisk((call, at) => (call === 'open' && at === path ? systemError('EROFS') : undefined))
  const platform = fakePlatform(disk)
  const files = await openIn(folder, platform)
  const write = files.write(stream(10, 'b', 'c')).catch((error: unknown) => error)
  const retired = files.streams.retire(['other']).catch((error: unknown) => error)
  const closed = files.close(1000)
  await platform.clock.pass(1000)
  await closed
  expect(await write).toMatchObject({ code: 'STOPPING' })
  expect(await retired).toMatchObject({ code: 'STOPPING' })
  const next = await openIn(folder)
  expect(linesOf(path)).toEqual(['a'])
  await next.close(1000)
})

test.each(['open', 'write', 'sync'])(
  'crash: if what is to be cut off cannot be copied (%s fails), no part of a copy is left, and no descriptor',
  async (failing) => {
    const { folder, path } = await leftUncommitted()
    const copies = join(folder, 'data/cut')
    const wrong = failing === 'write' ? { error: systemError('ENOSPC'), afterBytes: 1 } : systemError('ENOSPC')
    let isFull = true
    const disk = failingDisk((call, at) => (isFull && call === failing && at.startsWith(copies) ? wrong : undefined))
    const platform = fakePlatform(disk)
    const openBefore = pathsOpenBelow(folder)
    const files = await openIn(folder, platform)
    expect(platform.log.lines).toMatchObject([{ level: 'warn', values: { errno: 'ENOSPC', path } }])
    expect(readdirSync(copies)).toEqual([])
    expect(pathsOpenBelow(folder)).toEqual(openBefore)
    isFull = false
    await settled(files.write(stream(10, 'b', 'c')), platform)
    expect(linesOf(path)).toEqual(['a', 'b', 'c'])
    expect(readdirSync(copies)).toHaveLength(1)
    await files.close(1000)
  },
)

/** Reads what is in the pipe now. */
function readText(descriptor: number): string {
  const bytes = Buffer.alloc(100_000)
  let text = ''
  try {
    for (let n = 0; (n = readSync(descriptor, bytes)) > 0;) text += bytes.toString('latin1', 0, n)
  } catch (error) {
    if (errnoOf(error) !== 'EAGAIN') throw error
  }
  return text
}
