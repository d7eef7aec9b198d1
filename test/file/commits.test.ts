import { existsSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Batch } from '../../common/pipeline/batch.ts'
import { PositionLog } from '../../collector/file/position-log.ts'
import { batch } from '../pipeline/batches.ts'
import { fakePlatform } from '../fake/platform.ts'
import { openIn, settled, stream, type More } from './lives.ts'
import { failingDisk, linesOf, systemError, temporaryFolder, until } from './surroundings.ts'

test('stream: repeats of stored messages are dropped, also after a restart', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  const first = await openIn(folder, platform)
  await settled(first.write(stream(0, 'a', 'b')), platform)
  await settled(first.write(stream(0, 'a', 'b', 'c')), platform)
  await first.close(1000)
  const again = fakePlatform()
  const second = await openIn(folder, again)
  await settled(second.write(stream(0, 'a', 'b', 'c', 'd')), again)
  await second.close(1000)
  expect(linesOf(join(folder, 'all.log'))).toEqual(['a', 'b', 'c', 'd'])
  expect(await platform.metrics.total('sluice_repeats_total')).toBe(2)
  expect(await again.metrics.total('sluice_repeats_total')).toBe(3)
})

test('stream: repeats are recognized although they are divided into other batches', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  const files = await openIn(folder, platform)
  await settled(files.write(stream(0, 'a', 'b', 'c')), platform)
  await settled(files.write(stream(10, 'b', 'c')), platform)
  await settled(files.write(stream(20, 'c', 'd')), platform)
  await settled(files.write(stream(40, 'e')), platform)
  expect(linesOf(join(folder, 'all.log'))).toEqual(['a', 'b', 'c', 'd', 'e'])
  await files.close(1000)
})

test('stream: a batch without messages advances the mark', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  const files = await openIn(folder, platform)
  const whole = stream(0, 'x', 'y')
  const { stream: range } = whole.runs[0]
  const none: Batch = {
    ...whole,
    count: 0,
    bounds: new Uint32Array(0),
    runs: [{ ...whole.runs[0], count: 0, stream: { ...range!, ends: new Float64Array(0) } }],
  }
  await settled(files.write(none), platform)
  await settled(files.write(stream(0, 'x', 'y', 'z')), platform)
  expect(linesOf(join(folder, 'all.log'))).toEqual(['z'])
  await files.close(1000)
})

test('stream: a write settles only when first its lines and then its position are on disk', async () => {
  const folder = temporaryFolder()
  const calls: string[] = []
  const disk = failingDisk((call, path) => {
    if (call !== 'open') calls.push(`${call} ${path.slice(folder.length + 1)}`)
    return undefined
  })
  const platform = fakePlatform(disk)
  const files = await openIn(folder, platform)
  let callsAtSettling = 0
  await settled(
    files.write(stream(0, 'a')).then(() => (callsAtSettling = calls.length)),
    platform,
  )
  expect(callsAtSettling).toBe(6)
  expect(calls).toEqual([
    'write data/files/positions', // the length before the first line of a stream
    'sync data/files/positions',
    'write all.log',
    'sync all.log',
    'write data/files/positions',
    'sync data/files/positions',
  ])
  await files.close(1000)
})

test('without a stream, nothing is synced and no position log is written', async () => {
  const folder = temporaryFolder()
  const calls: string[] = []
  const disk = failingDisk((call) => {
    calls.push(call)
    return undefined
  })
  const files = await openIn(folder, fakePlatform(disk))
  await files.write(batch([{ texts: ['a'] }]))
  await files.close(1000)
  expect(calls).toEqual(['open', 'write'])
  expect(existsSync(join(folder, 'data'))).toBe(false)
})

test('close commits what is written at once, without waiting for the next periodic commit', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  const files = await openIn(folder, platform)
  await settled(files.write(stream(0, 'a')), platform)
  const write = files.write(stream(10, 'b'))
  await files.close(1000)
  await write
  const again = fakePlatform()
  const second = await openIn(folder, again)
  await settled(second.write(stream(0, 'a', 'b', 'c')), again)
  await second.close(1000)
  expect(linesOf(join(folder, 'all.log'))).toEqual(['a', 'b', 'c'])
})

test('if positions cannot be saved, writes wait and saving is retried', async () => {
  const folder = temporaryFolder()
  let full = false
  const disk = failingDisk((call, path) =>
    full && call === 'write' && path.endsWith('positions') ? systemError('ENOSPC') : undefined,
  )
  const platform = fakePlatform(disk)
  const files = await openIn(folder, platform)
  await settled(files.write(stream(0, 'a')), platform)
  full = true
  let isSettled = false
  const write = files.write(stream(10, 'b')).then(() => (isSettled = true))
  for (let i = 0; i < 20; i += 1) await platform.clock.pass(50)
  await until(() => platform.log.lines.length > 0, 'the warning')
  expect(isSettled).toBe(false)
  full = false
  await settled(write, platform)
  await files.close(1000)
})

test('rotation and reopening commit first: a crash after them neither loses nor duplicates lines', async () => {
  for (const how of ['rotate', 'reopen'] as const) {
    const folder = temporaryFolder()
    const path = join(folder, 'all.log')
    const platform = fakePlatform()
    const more: More = how === 'rotate' ? { rotate: { daily: false, bytes: 6, compress: 'none' } } : {}
    const dying = await openIn(folder, platform, more)
    await settled(dying.write(stream(0, 'a', 'b', 'c')), platform)
    if (how === 'reopen') {
      renameSync(path, `${path}.1`)
      await settled(dying.reopen(), platform)
    }
    void dying.write(stream(30, 'd'))
    await until(() => linesOf(path).join() === 'd', 'the line in the new file')
    const again = fakePlatform()
    const files = await openIn(folder, again, more)
    await settled(files.write(stream(0, 'a', 'b', 'c', 'd')), again)
    await files.close(1000)
    const names = readdirSync(folder).filter((name) => name.startsWith('all'))
    expect(names.flatMap((name) => linesOf(join(folder, name))).sort()).toEqual(['a', 'b', 'c', 'd'])
  }
})

test('writes without a stream to a tracked file settle with the commit', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  const files = await openIn(folder, platform)
  await settled(files.write(stream(0, 'a')), platform)
  let isSettled = false
  const other = files.write(batch([{ texts: ['plain'] }])).then(() => (isSettled = true))
  await until(() => linesOf(join(folder, 'all.log')).length === 2, 'the line')
  expect(isSettled).toBe(false)
  await settled(other, platform)
  await files.close(1000)
})

test('files that were renamed while they were closed are removed from the position log', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  const files = await openIn(folder, platform, { filesMax: 1 }, join(folder, '{host}.log'))
  const log = async () => {
    const positions = new PositionLog(platform.disk, join(folder, 'data', 'files'), () => platform.clock.now())
    await positions.read()
    return positions.files.map(({ path, length }) => [path.slice(folder.length + 1), length])
  }
  let at = 0
  const write = async (host: string) => {
    const text = `<13>Nov 23 10:00:00 ${host} su: text`
    await settled(files.write(stream(at, text)), platform)
    at += 10
    return text.length + 1
  }
  for (let day = 1; day <= 5; day += 1) {
    const bytes = await write('a')
    // Only one file may be open, so this closes the other.
    await write('b')
    expect(await log()).toContainEqual(['a.log', bytes])
    renameSync(join(folder, 'a.log'), join(folder, `a.log.${day}`))
  }
  await write('a')
  expect((await log()).map(([path]) => String(path)).sort()).toEqual(['a.log', 'b.log'])
  await files.close(1000)
  expect(readdirSync(folder).filter((name) => name.startsWith('a.log')).length).toBe(6)
})
