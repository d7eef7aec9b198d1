import { execFileSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { frameCompressor } from '../../collector/file/compress-frame.ts'
import { zstdDecompress } from '../../common/zstd.ts'
import type { RotateOptions } from '../../collector/file/rotation.ts'
import { batch } from '../pipeline/batches.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { fakePlatform } from '../fake/platform.ts'
import { pathsOpenBelow } from '../tail/tailing.ts'
import { failingDisk, fileDestination, inTime, linesOf, systemError, temporaryFolder, until } from './surroundings.ts'

const DAY_MS = 86_400_000

async function openRotating(path: string, rotate: Partial<RotateOptions>, platform = fakePlatform()) {
  const files = fileDestination({ path, rotate: { daily: false, compress: 'none', ...rotate } }, platform)
  await files.open()
  return files
}

/** The names in a folder, once background work has brought their number to `count`. */
async function names(folder: string, count: number): Promise<string[]> {
  await until(() => readdirSync(folder).length === count, `${count} files, not ${readdirSync(folder).join(' ')}`)
  return readdirSync(folder).sort()
}

test('size: a file that has reached the size is rotated, and the next line begins a new one', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'all.log')
  const files = await openRotating(path, { bytes: 10 })
  await files.write(batch([{ texts: ['12345678'] }]))
  expect(readdirSync(folder)).toEqual(['all.log'])
  await files.write(batch([{ texts: ['9'] }]))
  await files.write(batch([{ texts: ['new'] }]))
  expect(await names(folder, 2)).toEqual(['all.log', 'all.log-20261123.100000'])
  expect(linesOf(join(folder, 'all.log-20261123.100000'))).toEqual(['12345678', '9'])
  expect(linesOf(path)).toEqual(['new'])
  await files.close(1000)
})

test('size: the names of many rotations within a second are in order, and no line is lost', async () => {
  const folder = temporaryFolder()
  const files = await openRotating(join(folder, 'all.log'), { bytes: 4 })
  const writes = []
  for (let i = 0; i < 30; i += 1) writes.push(files.write(batch([{ texts: [`${100 + i}`] }])))
  await Promise.all(writes)
  const all = (await names(folder, 31)).slice(1)
  expect(all.map((name) => linesOf(join(folder, name))).flat()).toEqual(
    Array.from({ length: 30 }, (_, i) => String(100 + i)),
  )
  expect(all[0]).toBe('all.log-20261123.100000')
  expect(all[29]).toBe('all.log-20261123.100029')
  await files.close(1000)
})

test('daily: the first write of a day goes to a new file; the old one is named after the day of its lines', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'all.log')
  const platform = fakePlatform()
  const files = await openRotating(path, { daily: true }, platform)
  await files.write(batch([{ texts: ['monday'] }]))
  platform.clock.setWall(Date.UTC(2026, 10, 24, 0, 0, 1) * 1000)
  await files.write(batch([{ texts: ['tuesday'] }]))
  expect(await names(folder, 2)).toEqual(['all.log', 'all.log-20261123'])
  expect([linesOf(`${path}-20261123`), linesOf(path)]).toEqual([['monday'], ['tuesday']])
  await files.close(1000)
})

test('daily: a quiet file is rotated at midnight too', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'all.log')
  const platform = fakePlatform()
  const files = await openRotating(path, { daily: true }, platform)
  await files.write(batch([{ texts: ['monday'] }]))
  platform.clock.setWall(Date.UTC(2026, 10, 24, 0, 0, 1) * 1000)
  await platform.clock.pass(60_000)
  expect(await names(folder, 2)).toEqual(['all.log', 'all.log-20261123'])
  await files.close(1000)
})

test('daily: an empty file is not rotated', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  const files = await openRotating(join(folder, 'all.log'), { daily: true }, platform)
  platform.clock.setWall(Date.UTC(2026, 10, 24, 0, 0, 1) * 1000)
  await files.write(batch([{ texts: ['tuesday'] }]))
  await files.close(1000)
  expect(readdirSync(folder)).toEqual(['all.log'])
})

test('daily: a file left from an earlier day is rotated before anything is appended', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'all.log')
  writeFileSync(path, 'old\n')
  utimesSync(path, new Date('2026-11-20T12:00:00Z'), new Date('2026-11-20T12:00:00Z'))
  const files = await openRotating(path, { daily: true })
  await files.write(batch([{ texts: ['new'] }]))
  expect([linesOf(`${path}-20261120`), linesOf(path)]).toEqual([['old'], ['new']])
  await files.close(1000)
})

test('daily: if renaming a file of an earlier day fails, nothing is appended until it succeeds', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'notice.log')
  writeFileSync(path, 'old\n')
  utimesSync(path, new Date('2026-11-20T12:00:00Z'), new Date('2026-11-20T12:00:00Z'))
  let failures = 2
  const disk = failingDisk((call) => (call === 'rename' && failures-- > 0 ? systemError('EIO') : undefined))
  const platform = fakePlatform(disk)
  const files = await openRotating(join(folder, '{severity}.log'), { daily: true }, platform)
  await inTime(platform.clock, files.write(batch([{ texts: ['new'] }])))
  expect([linesOf(`${path}-20261120`), linesOf(path)]).toEqual([['old'], ['new']])
  await files.close(1000)
})

for (const name of ['all.log', '{severity}.log']) {
  test(`daily: lines of a stream also begin a new file if ${name} is from an earlier day`, async () => {
    const folder = temporaryFolder()
    const path = join(folder, name.replace('{severity}', 'notice'))
    writeFileSync(path, 'old\n')
    utimesSync(path, new Date('2026-11-20T12:00:00Z'), new Date('2026-11-20T12:00:00Z'))
    const platform = fakePlatform()
    const files = await openRotating(join(folder, name), { daily: true }, platform)
    let isSettled = false
    void files.write(batch([{ texts: ['new'], from: 0 }])).then(() => (isSettled = true))
    const ticking = setInterval(() => void platform.clock.pass(50), 1)
    await until(() => isSettled, 'the commit')
    clearInterval(ticking)
    expect([linesOf(`${path}-20261120`), linesOf(path)]).toEqual([['old'], ['new']])
    await files.close(1000)
  })
}

test('daily: a file that was closed at midnight is rotated before anything is appended', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  const rotate = { daily: true, compress: 'none' } as const
  const files = fileDestination({ path: join(folder, '{severity}.log'), rotate, filesMax: 1 }, platform)
  await files.open()
  await files.write(batch([{ texts: ['<11>monday'] }]))
  await files.write(batch([{ texts: ['<12>monday'] }]))
  // Only one of the files is open at midnight.
  platform.clock.setWall(Date.UTC(2026, 10, 24, 0, 0, 1) * 1000)
  utimesSync(join(folder, 'err.log'), new Date('2026-11-23T12:00:00Z'), new Date('2026-11-23T12:00:00Z'))
  await files.write(batch([{ texts: ['<11>tuesday', '<12>tuesday'] }]))
  expect(await names(folder, 4)).toEqual(['err.log', 'err.log-20261123', 'warning.log', 'warning.log-20261123'])
  expect(linesOf(join(folder, 'err.log'))).toEqual(['<11>tuesday'])
  await files.close(1000)
})

test('daily: a file that was empty at midnight is named after the day of its lines', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'all.log')
  const platform = fakePlatform()
  const files = await openRotating(path, { daily: true }, platform)
  platform.clock.setWall(Date.UTC(2026, 10, 24, 0, 0, 1) * 1000)
  await files.write(batch([{ texts: ['tuesday'] }]))
  platform.clock.setWall(Date.UTC(2026, 10, 25, 0, 0, 1) * 1000)
  await files.write(batch([{ texts: ['wednesday'] }]))
  expect(await names(folder, 2)).toEqual(['all.log', 'all.log-20261124'])
  await files.close(1000)
})

test('daily: a clock that is set back rotates nothing', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  const files = await openRotating(join(folder, 'all.log'), { daily: true }, platform)
  await files.write(batch([{ texts: ['1'] }]))
  platform.clock.setWall(Date.UTC(2026, 10, 21) * 1000)
  await files.write(batch([{ texts: ['2'] }]))
  await files.close(1000)
  expect(readdirSync(folder)).toEqual(['all.log'])
})

test('rotation under load neither loses nor duplicates lines', async () => {
  const folder = temporaryFolder()
  const files = await openRotating(join(folder, '{host}.log'), { bytes: 300 })
  const writes = []
  const origin = originOf()
  for (let i = 0; i < 300; i += 1) {
    const texts = Array.from({ length: 6 }, (_, j) => `<13>Nov 23 10:00:00 h${j % 3} p: ${i}.${j}`)
    writes.push(files.write(batchOf(texts, origin, Date.UTC(2026, 10, 23, 10) * 1000)))
  }
  await Promise.all(writes)
  await files.close(1000)
  const lines = readdirSync(folder).flatMap((name) => linesOf(join(folder, name)))
  expect(lines).toHaveLength(1800)
  expect(new Set(lines).size).toBe(1800)
})

test('rotation never overwrites an existing file', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'all.log')
  writeFileSync(`${path}-20261123.100000.gz`, 'precious')
  const files = await openRotating(path, { bytes: 1 })
  await files.write(batch([{ texts: ['1'] }]))
  expect(await names(folder, 3)).toEqual(['all.log', 'all.log-20261123.100000.gz', 'all.log-20261123.100001'])
  await files.close(1000)
})

test('gzip: a rotated file can be decompressed by gzip, keeps its mode, and the plain file is removed', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'all.log')
  const files = await openRotating(path, { bytes: 1000, compress: 'gzip' })
  chmodSync(path, 0o604)
  const texts = Array.from({ length: 100 }, (_, i) => `line number ${i}`)
  await files.write(batch([{ texts }]))
  const packed = `${path}-20261123.100000.gz`
  await until(() => readdirSync(folder).join(' ') === 'all.log all.log-20261123.100000.gz', 'the compressed file')
  expect(execFileSync('gzip', ['-dc', packed], { encoding: 'utf8' })).toBe(texts.join('\n') + '\n')
  expect(statSync(packed).mode & 0o777).toBe(0o604)
  await files.close(1000)
})

test('zstd: a rotated file can be decompressed by zstd', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'all.log')
  const rotate = { daily: false, bytes: 1000, compress: 'zstd' } as const
  const files = fileDestination({ path, rotate, compressFrame: frameCompressor('zstd') }, fakePlatform())
  await files.open()
  const texts = Array.from({ length: 100 }, (_, i) => `line number ${i}`)
  await files.write(batch([{ texts }]))
  await until(() => readdirSync(folder).join(' ') === 'all.log all.log-20261123.100000.zst', 'the compressed file')
  const packed = readFileSync(`${path}-20261123.100000.zst`)
  expect(zstdDecompress(packed).toString()).toBe(texts.join('\n') + '\n')
  await files.close(1000)
})

test('gzip: after a crash at any step of compressing and the next start, every line exists once', async () => {
  for (const left of [
    ['', 'plain'],
    ['.gz.new', 'torn'],
    ['.gz', 'whole'],
  ]) {
    const folder = temporaryFolder()
    const path = join(folder, 'all.log')
    const first = await openRotating(path, { bytes: 1, compress: 'gzip' })
    await first.write(batch([{ texts: ['kept'] }]))
    const packed = `${path}-20261123.100000.gz`
    await until(() => readdirSync(folder).join(' ') === 'all.log all.log-20261123.100000.gz', 'the compressed file')
    await first.close(1000)
    // The state after such a crash: the plain file, and with it no compressed file, an incomplete or a complete one.
    const whole = readFileSync(packed)
    writeFileSync(`${path}-20261123.100000`, 'kept\n')
    if (left[0] !== '.gz') execFileSync('rm', [packed])
    if (left[0] === '.gz.new') writeFileSync(`${packed}.new`, whole.subarray(0, 5))
    const second = await openRotating(path, { bytes: 1, compress: 'gzip' })
    await until(() => readdirSync(folder).join(' ') === 'all.log all.log-20261123.100000.gz', `recovery of ${left[1]}`)
    expect(gunzipSync(readFileSync(packed)).toString()).toBe('kept\n')
    await second.close(1000)
  }
})

test('keep by number: the newest files are kept', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'all.log')
  for (const day of ['20261101', '20261102', '20261103.090000', '20261103']) writeFileSync(`${path}-${day}`, `${day}\n`)
  writeFileSync(join(folder, 'other.log-20200101'), 'not ours')
  const files = await openRotating(path, { keep: { count: 2 } })
  expect(await names(folder, 4)).toEqual([
    'all.log',
    'all.log-20261103',
    'all.log-20261103.090000',
    'other.log-20200101',
  ])
  await files.close(1000)
})

// Local times; at each a line is written and rotated. The files of the last two must be kept.
for (const [what, ...times] of [
  ['a day back', '2026-11-24T10:00', '2026-11-24T10:05', '2026-11-24T10:06', '2026-11-23T11:00', '2026-11-23T11:01'],
  ['hours back within a day', '2026-11-23T15:00', '2026-11-23T15:01', '2026-11-23T10:00', '2026-11-23T10:30'],
  ['an hour back over midnight', '2026-11-23T23:50', '2026-11-24T00:10', '2026-11-23T23:20', '2026-11-23T23:40'],
  ['back, and one rotation since', '2026-11-22T10:00', '2026-11-23T10:00', '2026-11-24T00:10', '2026-11-23T23:20'],
  ['back, and a day later', '2026-11-26T10:00', '2026-11-26T11:00', '2026-11-23T11:00', '2026-11-24T09:00'],
  ['back twice', '2026-11-26T10:00', '2026-11-24T11:00', '2026-11-24T10:00', '2026-11-23T09:00'],
]) {
  for (const restarted of [false, true]) {
    test(`keep by number: the newest files are kept when the clock is set ${what}${restarted ? ', with restarts' : ''}`, async () => {
      const folder = temporaryFolder()
      const path = join(folder, 'all.log')
      const platform = fakePlatform()
      const open = () => openRotating(path, { bytes: 1, daily: true, keep: { count: 2 } }, platform)
      let files = await open()
      for (const time of times) {
        platform.clock.setWall(Date.parse(`${time}Z`) * 1000)
        await files.write(batch([{ texts: [time] }]))
        await files.reopen() // resolves after the rotation
        if (!restarted) continue
        await files.close(1000)
        utimesSync(path, new Date(`${time}Z`), new Date(`${time}Z`))
        files = await open()
      }
      const kept = () => readdirSync(folder).flatMap((name) => linesOf(join(folder, name)))
      await until(() => kept().length === 2, `two lines, not ${kept().join(' ')}`)
      expect(kept().sort()).toEqual(times.slice(-2).sort())
      await files.close(1000)
    })
  }
}

test('daily: a file begun while the clock was years ahead is named after the current day once the clock is corrected', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'all.log')
  const platform = fakePlatform()
  platform.clock.setWall(Date.UTC(2036, 0, 1) * 1000)
  const files = await openRotating(path, { daily: true, keep: { ms: DAY_MS } }, platform)
  await files.write(batch([{ texts: ['ahead'] }]))
  platform.clock.setWall(Date.UTC(2026, 10, 23, 10) * 1000)
  await files.write(batch([{ texts: ['monday'] }]))
  platform.clock.setWall(Date.UTC(2026, 10, 24, 0, 0, 1) * 1000)
  await files.write(batch([{ texts: ['tuesday'] }]))
  expect(await names(folder, 2)).toEqual(['all.log', 'all.log-20261123'])
  expect(linesOf(`${path}-20261123`)).toEqual(['ahead', 'monday'])
  await files.close(1000)
})

test('keep by age: the files of a day are removed when that time has passed since the end of the day', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'all.log')
  for (const day of ['20261112', '20261113', '20261114.zst']) writeFileSync(`${path}-${day}`, 'x')
  const platform = fakePlatform()
  platform.clock.setWall(Date.UTC(2026, 10, 23, 23, 59) * 1000)
  const files = await openRotating(path, { keep: { ms: 10 * DAY_MS } }, platform)
  expect(await names(folder, 3)).toEqual(['all.log', 'all.log-20261113', 'all.log-20261114.zst'])
  await platform.clock.pass(60_000)
  expect(await names(folder, 2)).toEqual(['all.log', 'all.log-20261114.zst'])
  await files.close(1000)
})

test('keep also removes files of hosts that send nothing any more', async () => {
  const folder = temporaryFolder()
  execFileSync('mkdir', ['-p', join(folder, 'gone'), join(folder, 'x/y')])
  writeFileSync(join(folder, 'gone/app.log-20200101.zst'), 'x')
  writeFileSync(join(folder, 'x/y/app.log-20200101'), 'deeper than any file of the template')
  const files = await openRotating(join(folder, '{host}/{program}.log'), { keep: { ms: DAY_MS } })
  await until(() => readdirSync(join(folder, 'gone')).length === 0, 'removal')
  expect(readdirSync(join(folder, 'x/y'))).toHaveLength(1)
  await files.close(1000)
})

test('if a rotated file cannot be compressed, no incomplete file is left, and the other files are processed', async () => {
  const folder = temporaryFolder()
  for (const base of ['a', 'b', 'c']) {
    for (const day of ['20261101', '20261102']) writeFileSync(join(folder, `${base}.log-${day}`), `${base} ${day}\n`)
  }
  const failing = (call: string, path: string) =>
    call === 'write' && /\/[ac]\.log-.*\.new$/.test(path) ? { error: systemError('ENOSPC'), afterBytes: 5 } : undefined
  const platform = fakePlatform(failingDisk(failing))
  const rotate = { keep: { count: 1 }, compress: 'gzip' } as const
  const files = await openRotating(join(folder, '{program}.log'), rotate, platform)
  const left = 'a.log-20261102 b.log-20261102.gz c.log-20261102'
  await until(() => readdirSync(folder).sort().join(' ') === left, left)
  await files.close(1000)
  expect(readdirSync(folder).sort().join(' ')).toBe(left)
  expect(linesOf(join(folder, 'a.log-20261102'))).toEqual(['a 20261102'])
  expect(platform.log.lines.map(({ text }) => text)).toEqual([
    'rotated files are left as they are for now: ENOSPC: planted',
  ])
})

test('if no file can be created for the compressed content, the rotated file is not left open', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'a.log-20261102'), 'a\n')
  const failing = (call: string, path: string) =>
    call === 'open' && path.endsWith('.new') ? systemError('EMFILE') : undefined
  const platform = fakePlatform(failingDisk(failing))
  const files = await openRotating(join(folder, '{program}.log'), { compress: 'gzip' }, platform)
  await until(() => platform.log.lines.length > 0, 'a word about it')
  expect(pathsOpenBelow(folder)).toEqual([])
  await files.close(1000)
})

test('a rotation that fails is retried, and no line is lost meanwhile', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'all.log')
  let failing = true
  const disk = failingDisk((call) => (call === 'rename' && failing ? systemError('EIO') : undefined))
  const platform = fakePlatform(disk)
  const files = await openRotating(path, { bytes: 1 }, platform)
  await files.write(batch([{ texts: ['1'] }]))
  await until(() => platform.log.lines.length > 0, 'the warning')
  failing = false
  const write = files.write(batch([{ texts: ['2'] }]))
  await platform.clock.pass(1000)
  await write
  await names(folder, 3)
  await files.close(1000)
  expect(
    readdirSync(folder)
      .flatMap((name) => linesOf(join(folder, name)))
      .sort(),
  ).toEqual(['1', '2'])
})
