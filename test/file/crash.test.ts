// A file destination that is killed, and its recovery at the next start.

import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PositionLog } from '../../collector/file/position-log.ts'
import { systemDisk, type FileStat, type Path } from '../../common/disk.ts'
import { settle } from '../fake/clock.ts'
import { fakePlatform } from '../fake/platform.ts'
import { batch } from '../pipeline/batches.ts'
import { leftUncommitted, mortal, openIn, settled, stream, type More } from './lives.ts'
import { failingDisk, linesOf, nearDisk, temporaryFolder, until } from './surroundings.ts'

const DAY_US = 86_400_000_000

test('crash: lines after the last commit are cut off, saved in a file of their own, and stored once when they are sent again', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'all.log')
  const { platform, kill, stopCommits } = mortal()
  const dying = await openIn(folder, platform)
  await settled(dying.write(stream(0, 'a', 'b')), platform)
  stopCommits()
  void dying.write(stream(20, 'c'))
  await until(() => linesOf(path).length === 3, 'the line')
  await kill()
  const after = fakePlatform()
  const files = await openIn(folder, after)
  expect(linesOf(path)).toEqual(['a', 'b'])
  const [kept] = readdirSync(join(folder, 'data/cut'))
  expect(linesOf(join(folder, 'data/cut', kept))).toEqual(['c'])
  expect(after.log.lines).toMatchObject([{ level: 'warn', values: { path, bytes: 2 } }])
  expect(await after.metrics.total('sluice_output_cut_bytes_total')).toBe(2)
  await settled(files.write(stream(10, 'b', 'c', 'd')), after)
  expect(linesOf(path)).toEqual(['a', 'b', 'c', 'd'])
  await files.close(1000)
})

test('crash: what was cut off many files is logged in one line', async () => {
  const folder = temporaryFolder()
  const path = join(folder, '{facility}.log')
  const lines = ['<13>a', '<30>b', '<38>c']
  const { platform, kill, stopCommits } = mortal()
  const dying = await openIn(folder, platform, {}, path)
  await settled(dying.write(stream(0, ...lines)), platform)
  stopCommits()
  void dying.write(stream(30, ...lines))
  const files = ['user', 'daemon', 'auth'].map((name) => join(folder, `${name}.log`))
  await until(() => files.every((file) => linesOf(file).length === 2), 'the lines')
  await kill()
  const after = fakePlatform()
  const last = await openIn(folder, after, {}, path)
  expect(files.map((file) => linesOf(file).length)).toEqual([1, 1, 1])
  const kept = join(folder, 'data/cut')
  expect(readdirSync(kept)).toHaveLength(3)
  expect(after.log.lines).toMatchObject([{ level: 'warn', values: { files: 3, bytes: 18, kept } }])
  await last.close(1000)
})

test('crash before the first commit: the file is truncated to its length before its first line of a stream', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'all.log')
  writeFileSync(path, 'old\n')
  const { platform, kill, stopCommits } = mortal()
  const dying = await openIn(folder, platform)
  void dying.write(stream(0, 'a'))
  await until(() => existsSync(join(folder, 'data/files/positions')), 'the length before')
  await until(() => linesOf(path).length === 2, 'the line')
  stopCommits()
  await kill()
  const files = await openIn(folder)
  expect(linesOf(path)).toEqual(['old'])
  await files.close(1000)
})

test('crash: what is cut off a rotated file with the longest name that a sender can cause is saved under a shorter name', async () => {
  const folder = temporaryFolder()
  const path = join(folder, `${'é'.repeat(109)}x.log`)
  const { platform, kill, stopCommits } = mortal()
  const dying = await openIn(folder, platform, {}, path)
  await settled(dying.write(stream(0, 'a')), platform)
  stopCommits()
  void dying.write(stream(10, 'b'))
  await until(() => linesOf(path).length === 2, 'the line')
  await kill()
  const rotated = `${path}-20261123.100000`
  renameSync(path, rotated)
  const files = await openIn(folder, fakePlatform(), {}, path)
  expect(linesOf(rotated)).toEqual(['a'])
  const [kept] = readdirSync(join(folder, 'data/cut'))
  expect(linesOf(join(folder, 'data/cut', kept))).toEqual(['b'])
  expect(Buffer.byteLength(kept)).toBe(255)
  await files.close(1000)
})

test('crash: a file that was renamed since is found in its folder by its inode', async () => {
  const { folder, path } = await leftUncommitted()
  renameSync(path, `${path}.1`)
  const files = await openIn(folder)
  expect(linesOf(`${path}.1`)).toEqual(['a'])
  await files.close(1000)
})

test.each([
  ['gone', (path: string) => unlinkSync(path)],
  ['shorter', (path: string) => truncateSync(path, 1)],
])('crash: a file that is %s is left as it is, and possible duplicates are counted as in doubt', async (_, harm) => {
  const folder = temporaryFolder()
  const path = join(folder, 'all.log')
  const platform = fakePlatform()
  const dying = await openIn(folder, platform)
  await settled(dying.write(stream(0, 'abc')), platform)
  harm(path)
  const after = fakePlatform()
  const files = await openIn(folder, after)
  expect(await after.metrics.total('sluice_in_doubt_total')).toBe(1)
  expect(after.log.lines[0].level).toBe('warn')
  await files.close(1000)
})

test('crash: a file that was given the inode of a removed output file is left alone', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'other.txt')
  writeFileSync(path, 'of another program\n')
  const { device, inode } = (await systemDisk.stat(path))!
  const log = new PositionLog(systemDisk, join(folder, 'data/files'), () => 0)
  const entry = { path: join(folder, 'all.log'), device: `${device}`, inode: `${inode}`, length: 3, born: '1' }
  await log.append({ files: [entry], marks: new Map(), gone: [] })
  await log.close()
  const bornLater = (stat?: FileStat) => stat && { ...stat, bornNs: 2n }
  const statLink = async (at: Path) => bornLater(await systemDisk.statLink(at))
  const after = fakePlatform({ ...systemDisk, statLink })
  const files = await openIn(folder, after)
  expect(linesOf(path)).toEqual(['of another program'])
  expect(await after.metrics.total('sluice_in_doubt_total')).toBe(1)
  await files.close(1000)
})

test('clean stop: what others append to the file afterwards is not cut off', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'all.log')
  const platform = fakePlatform()
  const first = await openIn(folder, platform)
  await settled(first.write(stream(0, 'a')), platform)
  await first.close(1000)
  appendFileSync(path, 'by hand\n')
  const second = await openIn(folder)
  expect(linesOf(path)).toEqual(['a', 'by hand'])
  await second.close(1000)
})

test('a torn record at the end of the position log is ignored, and the next record after it is read', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  const dying = await openIn(folder, platform)
  await settled(dying.write(stream(0, 'a')), platform)
  appendFileSync(join(folder, 'data/files/positions'), '00000000 {"files":[["torn')
  const again = fakePlatform()
  const second = await openIn(folder, again)
  await settled(second.write(stream(0, 'a', 'b')), again)
  const third = fakePlatform()
  const last = await openIn(folder, third)
  await settled(last.write(stream(0, 'a', 'b', 'c')), third)
  expect(linesOf(join(folder, 'all.log'))).toEqual(['a', 'b', 'c'])
  await second.close(0)
  await last.close(1000)
})

test('a damaged record in the middle of the position log is reported, and lengths before it cut off no committed line', async () => {
  const folder = temporaryFolder()
  const path = join(folder, '{severity}.log')
  const log = join(folder, 'data/files/positions')
  const { platform, kill, stopCommits } = mortal()
  const dying = await openIn(folder, platform, {}, path)
  await settled(dying.write(stream(0, '<11>a')), platform)
  const from = readFileSync(log).length
  await settled(dying.write(stream(10, '<11>b')), platform)
  await settled(dying.write(stream(20, '<12>c')), platform)
  stopCommits()
  void dying.write(stream(30, '<12>d'))
  await until(() => linesOf(join(folder, 'warning.log')).length === 2, 'the line')
  await kill()
  const damaged = readFileSync(log)
  damaged[from + 20] ^= 1
  writeFileSync(log, damaged)
  const bytes = damaged.indexOf('\n', from) + 1 - from
  const after = fakePlatform()
  const files = await openIn(folder, after, {}, path)
  // The committed length of one file is known, that of the other is not.
  expect(linesOf(join(folder, 'err.log'))).toEqual(['<11>a', '<11>b'])
  expect(linesOf(join(folder, 'warning.log'))).toEqual(['<12>c'])
  expect(after.log.lines.map(({ level, values }) => ({ level, values }))).toMatchObject([
    { level: 'warn', values: { destination: 'files', bytes } },
    { level: 'warn', values: { path: join(folder, 'err.log') } },
    { level: 'warn', values: { path: join(folder, 'warning.log'), bytes: 6 } },
  ])
  expect(await after.metrics.total('sluice_in_doubt_total')).toBe(1)
  await settled(files.write(stream(30, '<12>d')), after)
  expect(linesOf(join(folder, 'warning.log'))).toEqual(['<12>c', '<12>d'])
  await files.close(1000)
  // It is reported only once.
  const later = fakePlatform()
  const last = await openIn(folder, later, {}, path)
  expect(later.log.lines).toEqual([])
  await last.close(1000)
})

/** A file with a committed and an uncommitted line that has just been renamed; the clock does not advance. */
async function renamedUncommitted(folder: string, platform: ReturnType<typeof fakePlatform>) {
  await nearDisk(folder)
  const path = join(folder, 'all.log')
  const files = await openIn(folder, platform)
  await files.write(stream(0, 'a'))
  // The next periodic commit is not due yet.
  const second = files.write(stream(10, 'b'))
  await until(() => linesOf(path).length === 2, 'the line')
  // Only what is renamed while it is written to is looked after.
  for (let i = 0; i < 10; i += 1) await settle()
  renameSync(path, `${path}.1`)
  return { files, path, second }
}

test('a file is renamed by somebody before its lines are committed: after a crash they are cut off there, and stored once when sent again', async () => {
  const folder = temporaryFolder()
  const { platform, kill, stopCommits } = mortal()
  const { files: dying, path, second } = await renamedUncommitted(folder, platform)
  void second
  void dying.write(stream(20, 'c'))
  await until(() => existsSync(path) && linesOf(path).join() === 'c', 'the line in the new file')
  stopCommits()
  await kill()
  const again = fakePlatform()
  const files = await openIn(folder, again)
  await settled(files.write(stream(10, 'b', 'c')), again)
  await files.close(1000)
  expect([linesOf(`${path}.1`), linesOf(path)]).toEqual([['a'], ['b', 'c']])
})

test('a file is renamed by somebody before its lines are committed: they are synced before the commit', async () => {
  const folder = temporaryFolder()
  const calls: string[] = []
  const disk = failingDisk((call, name) => {
    if (call === 'sync') calls.push(name.slice(folder.length + 1))
    return undefined
  })
  const platform = fakePlatform(disk)
  const { files, second } = await renamedUncommitted(folder, platform)
  calls.length = 0
  await settled(Promise.all([second, files.write(stream(20, 'c'))]), platform)
  // The old file, the length of the new one, the new one, and the commit.
  expect(calls).toEqual(['all.log', 'data/files/positions', 'all.log', 'data/files/positions'])
  await files.close(1000)
})

test.each([
  ['not written again', []],
  ['written again', ['<11>c']],
])(
  'a file that was closed to make room is renamed by somebody before the commit, and %s: its lines are committed',
  async (_, again) => {
    const folder = temporaryFolder()
    const path = join(folder, '{severity}.log')
    const of = (name: string) => join(folder, name)
    const { platform, kill } = mortal()
    const dying = await openIn(folder, platform, { filesMax: 1 }, path)
    const writes = [dying.write(stream(0, '<11>a'))]
    await until(() => existsSync(of('err.log')) && linesOf(of('err.log')).length === 1, 'the first line')
    writes.push(dying.write(stream(10, '<12>b')))
    await until(() => existsSync(of('warning.log')) && linesOf(of('warning.log')).length === 1, 'the second line')
    renameSync(of('err.log'), of('err.log.1'))
    if (again.length > 0) writes.push(dying.write(stream(20, ...again)))
    await settled(Promise.all(writes), platform)
    await kill()
    const after = fakePlatform()
    const files = await openIn(folder, after, {}, path)
    expect(after.log.lines).toEqual([])
    expect(linesOf(of('err.log.1'))).toEqual(['<11>a'])
    expect(existsSync(of('err.log')) ? linesOf(of('err.log')) : []).toEqual(again)
    await files.close(1000)
  },
)

test('killed at any moment, restarted and sent again: every line is in its file once, with any rotation', async () => {
  const step = fc.record({
    lines: fc.integer({ min: 1, max: 8 }),
    passMs: fc.constantFrom(0, 0, 60, 150),
    before: fc.constantFrom('nothing', 'nothing', 'a day', 'a rename'),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 }),
      fc.constantFrom(0, 40, 200),
      async (lives, bytes) => {
        const folder = temporaryFolder()
        mkdirSync(join(folder, 'out'))
        const path = join(folder, 'out', '{severity}.log')
        const more: More = { filesMax: 2, rotate: { daily: true, compress: 'none', ...(bytes > 0 && { bytes }) } }
        let acknowledged = 0
        let sent = 0
        // Files are of the day on which they were written to: that of the machine.
        let wall = Date.now() * 1000
        let renamed = 0
        const before = {
          nothing: () => {},
          'a day': () => (wall += DAY_US),
          'a rename': () => {
            const [name] = readdirSync(join(folder, 'out')).filter((each) => each.endsWith('.log'))
            renamed += 1
            if (name) renameSync(join(folder, 'out', name), join(folder, 'out', `${name}.${renamed}`))
          },
        }
        const text = (n: number) => `<${n % 5}>Nov 23 10:00:00 h p: ${String(n).padStart(6, '0')}`
        for (const life of [...lives, [{ lines: 1, passMs: 0, before: 'nothing' } as const]]) {
          const { platform, kill } = mortal()
          const files = await openIn(folder, platform, more, path)
          let from = acknowledged
          for (const { lines, passMs, before: event } of life) {
            before[event]()
            platform.clock.setWall(wall)
            const to = from + lines
            const texts = Array.from({ length: lines }, (_, i) => text(from + i))
            void files.write(batch([{ texts, from: 10 * from }])).then(
              () => (acknowledged = Math.max(acknowledged, to)),
              () => undefined,
            )
            from = to
            sent = Math.max(sent, to)
            await platform.clock.pass(passMs)
          }
          await kill()
        }
        const platform = fakePlatform()
        const files = await openIn(folder, platform, more, path)
        const rest = Array.from({ length: sent - acknowledged }, (_, i) => text(acknowledged + i))
        await settled(files.write(batch([{ texts: rest, from: 10 * acknowledged }])), platform)
        // The fake clock passes a short deadline before a busy disk is done.
        await settled(files.close(3_600_000), platform)
        const out = readdirSync(join(folder, 'out'))
        const lines = out.flatMap((name) => readFileSync(join(folder, 'out', name), 'latin1').split('\n'))
        expect(
          lines
            .filter((line) => line !== '')
            .map((line) => Number(line.slice(-6)))
            .sort((a, b) => a - b),
        ).toEqual(Array.from({ length: sent }, (_, i) => i))
      },
    ),
    { numRuns: 60 },
  )
})
