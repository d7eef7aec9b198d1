import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemDisk, type Disk, type Path } from '../../common/disk.ts'
import { utc } from '../../common/message/zone.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { fakePlatform } from '../fake/platform.ts'
import { batch } from '../pipeline/batches.ts'
import { pathsOpenBelow } from '../tail/tailing.ts'
import { failingDisk, fileDestination, inTime, linesOf, systemError, temporaryFolder, until } from './surroundings.ts'

const said = (host: string, program: string, text: string) => `<13>Nov 23 10:00:00 ${host} ${program}: ${text}`
const received = Date.UTC(2026, 10, 23, 10) * 1000
const messages = (...texts: string[]) => batchOf(texts, originOf(), received)

async function openTemplated(path: string, platform = fakePlatform(), filesMax = 100) {
  const files = fileDestination({ path, filesMax }, platform)
  await files.open()
  return files
}

test('templated: a path that matches a more specific template of another destination is not written to', async () => {
  const folder = temporaryFolder()
  const own = await openTemplated(join(folder, '{host}.log'))
  const others = [join(folder, 'all.log'), join(folder, '{host}.audit.log'), join(folder, '{severity}.log')]
  const open = await Promise.all(others.map((path) => openTemplated(path)))
  const hosts = ['web', 'all', 'web.audit', 'notice', 'other']
  await own.write(messages(...hosts.map((host) => said(host, 'app', host))))
  expect(linesOf(join(folder, 'unknown.log'))).toEqual(
    ['all', 'web.audit', 'notice'].map((host) => said(host, 'app', host)),
  )
  for (const host of ['web', 'other']) expect(linesOf(join(folder, `${host}.log`))).toEqual([said(host, 'app', host)])
  for (const each of [own, ...open]) await each.close(1000)
  // Once the other destinations are closed, the path may be used.
  const later = await openTemplated(join(folder, '{host}.log'))
  await later.write(messages(said('web.audit', 'app', 'later')))
  expect(linesOf(join(folder, 'web.audit.log'))).toEqual([said('web.audit', 'app', 'later')])
  await later.close(1000)
})

test('templated: every message is in the file of its host and program, in order', async () => {
  const folder = temporaryFolder()
  const files = await openTemplated(join(folder, '{host}/{program}.log'))
  const expected = new Map<string, string[]>()
  const writes = []
  for (let round = 0; round < 50; round += 1) {
    const texts = []
    for (let i = 0; i < 40; i += 1) {
      const host = `web${(round * 7 + i) % 5}`
      const program = `app${i % 3}`
      const text = said(host, program, `${round}.${i}`)
      texts.push(text)
      const path = join(folder, host, `${program}.log`)
      expected.set(path, [...(expected.get(path) ?? []), text])
    }
    writes.push(files.write(messages(...texts)))
  }
  await Promise.all(writes)
  for (const [path, lines] of expected) expect(linesOf(path)).toEqual(lines)
  expect(readdirSync(folder)).toHaveLength(5)
  await files.close(1000)
})

test('templated: at most max_files files are open, and every line is in its file', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  let most = 0
  platform.metrics.set = (_name, _labels, to) => {
    most = Math.max(most, to)
  }
  const files = await openTemplated(join(folder, '{host}.log'), platform, 3)
  const hosts = Array.from({ length: 40 }, (_, i) => `h${i}`)
  for (let round = 0; round < 5; round += 1) {
    await Promise.all(hosts.map((host) => files.write(messages(said(host, 'a', String(round))))))
  }
  for (const host of hosts) expect(linesOf(join(folder, `${host}.log`))).toHaveLength(5)
  expect(most).toBeLessThanOrEqual(3)
  await files.close(1000)
})

test('templated: with max_files 1, many files are still written', async () => {
  const folder = temporaryFolder()
  const files = await openTemplated(join(folder, '{host}.log'), fakePlatform(), 1)
  await files.write(messages(said('a', 'x', '1'), said('b', 'x', '2'), said('a', 'x', '3'), said('c', 'x', '4')))
  expect(readdirSync(folder).sort()).toEqual(['a.log', 'b.log', 'c.log'])
  expect(linesOf(join(folder, 'a.log'))).toHaveLength(2)
  await files.close(1000)
})

test('templated: dates in a path are those of the receipt, not those of the sender', async () => {
  const folder = temporaryFolder()
  const files = await openTemplated(join(folder, '{year}/{month}/{day}/{hour}-{date}.log'))
  await files.write(messages('<13>1 1999-01-01T00:00:00Z host app - - - old'))
  expect(linesOf(join(folder, '2026/11/23/10-2026-11-23.log'))).toHaveLength(1)
  await files.close(1000)
})

test('templated: the next hour begins a new file although host and program are cached', async () => {
  const folder = temporaryFolder()
  const files = await openTemplated(join(folder, '{host}-{hour}.log'))
  await files.write(messages(said('web', 'a', '1')))
  await files.write(batchOf([said('web', 'a', '2')], originOf(), received + 3_600_000_000))
  expect(readdirSync(folder).sort()).toEqual(['web-10.log', 'web-11.log'])
  await files.close(1000)
})

test('templated: facility, severity, source and peer can be used in paths', async () => {
  const folder = temporaryFolder()
  const files = await openTemplated(join(folder, '{source}/{peer}/{facility}-{severity}.log'))
  const origin = originOf({ source: 'lan', peer: '2001:db8::1' })
  await files.write(batchOf(['<34>Nov 23 10:00:00 h p: x', '<13>Nov 23 10:00:00 h p: y'], origin, received))
  expect(readdirSync(join(folder, 'lan', '2001:db8::1')).sort()).toEqual(['auth-crit.log', 'user-notice.log'])
  await files.close(1000)
})

test('templated: a field that a message lacks is taken from the origin, or else "unknown"', async () => {
  const folder = temporaryFolder()
  const files = await openTemplated(join(folder, '{host}/{program}.log'))
  const origin = originOf({ lines: 'text', host: Buffer.from('here'), zone: utc })
  await files.write(batchOf(['just text'], origin, received))
  expect(linesOf(join(folder, 'here/unknown.log'))).toEqual(['just text'])
  await files.close(1000)
})

test('templated: with keep_host: false, the host of the origin replaces the one in the message', async () => {
  const folder = temporaryFolder()
  const files = await openTemplated(join(folder, '{host}.log'))
  const origin = originOf({ hostForced: true, host: Buffer.from('192.0.2.7') })
  await files.write(batchOf([said('liar', 'a', 'x')], origin, received))
  expect(readdirSync(folder)).toEqual(['192.0.2.7.log'])
  await files.close(1000)
})

test('templated: if a path is a folder, its lines go to the stand-in path; other files are not affected', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'bad.log'))
  const platform = fakePlatform()
  const files = await openTemplated(join(folder, '{host}.log'), platform)
  const bad = said('bad', 'a', '1')
  await files.write(messages(bad, said('good', 'a', '2')))
  expect(linesOf(join(folder, 'unknown.log'))).toEqual([bad])
  expect(linesOf(join(folder, 'good.log'))).toHaveLength(1)
  expect(platform.log.lines[0]).toMatchObject({ level: 'warn', values: { errno: 'EISDIR' } })
  rmSync(join(folder, 'bad.log'), { recursive: true })
  await files.write(messages(said('bad', 'a', '3')))
  expect(linesOf(join(folder, 'bad.log'))).toHaveLength(1)
  await files.close(1000)
})

test('templated: if a file has the name of a folder, its lines go to the stand-in path; other files are not affected', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'bad'), '')
  const platform = fakePlatform()
  const files = await openTemplated(join(folder, '{host}/{program}/log'), platform)
  const bad = said('bad', 'a', '1')
  await files.write(messages(bad, said('good', 'a', '2')))
  expect(linesOf(join(folder, 'unknown/unknown/log'))).toEqual([bad])
  expect(linesOf(join(folder, 'good/a/log'))).toHaveLength(1)
  expect(platform.log.lines[0]).toMatchObject({ level: 'warn', values: { errno: 'ENOTDIR' } })
  await files.close(1000)
})

test('templated: a link in place of a file is not followed', async () => {
  const folder = temporaryFolder()
  const elsewhere = join(temporaryFolder(), 'victim')
  writeFileSync(elsewhere, '')
  symlinkSync(elsewhere, join(folder, 'web.log'))
  const files = await openTemplated(join(folder, '{host}.log'))
  await files.write(messages(said('web', 'a', '1')))
  expect(readFileSync(elsewhere, 'utf8')).toBe('')
  expect(lstatSync(join(folder, 'web.log')).isSymbolicLink()).toBe(true)
  expect(linesOf(join(folder, 'unknown.log'))).toHaveLength(1)
  await files.close(1000)
})

test('templated: a file that another one takes the place of while it is opened is not taken for a link', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'web.log')
  writeFileSync(path, 'before\n')
  const before = await systemDisk.statLink(path)
  renameSync(path, `${path}.1`)
  writeFileSync(path, '')
  const statLink = (at: Path) => (at === path ? Promise.resolve(before) : systemDisk.statLink(at))
  const platform = fakePlatform({ ...systemDisk, statLink })
  const files = await openTemplated(join(folder, '{host}.log'), platform)
  await files.write(messages(said('web', 'a', '1')))
  expect(linesOf(path)).toHaveLength(1)
  expect(platform.log.lines).toEqual([])
  await files.close(1000)
})

test('templated: a file that cannot be written does not stop the others, and is written as soon as possible', async () => {
  const folder = temporaryFolder()
  let broken = true
  const disk = failingDisk((call, path) =>
    broken && call === 'open' && path.endsWith('bad.log') ? systemError('EACCES') : undefined,
  )
  const platform = fakePlatform(disk)
  const files = await openTemplated(join(folder, '{host}.log'), platform)
  let settled = false
  const stuck = files.write(messages(said('bad', 'a', '1'), said('good', 'a', '1'))).then(() => (settled = true))
  await until(() => platform.log.lines.length > 0, 'the warning')
  for (let i = 0; i < 10; i += 1) await files.write(messages(said('good', 'a', String(i))))
  expect(linesOf(join(folder, 'good.log'))).toHaveLength(11)
  expect(settled).toBe(false)
  broken = false
  await platform.clock.pass(10_000)
  await stuck
  expect(linesOf(join(folder, 'bad.log'))).toHaveLength(1)
  await files.close(1000)
})

test('templated: a folder that was removed while writing is created again, which is logged', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  const files = await openTemplated(join(folder, '{host}/all.log'), platform)
  await files.write(messages(said('web', 'a', '1')))
  rmSync(join(folder, 'web'), { recursive: true })
  await platform.clock.pass(1000)
  await files.write(messages(said('web', 'a', '2')))
  expect(linesOf(join(folder, 'web/all.log'))).toEqual([said('web', 'a', '2')])
  expect(platform.log.lines.map(({ text }) => text)).toEqual(['file is gone: creating it again'])
  await files.close(1000)
})

test('a fixed file that was removed or renamed without a SIGHUP is created again', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'all.log')
  const platform = fakePlatform()
  const files = await openTemplated(path, platform)
  await files.write(messages('1'))
  renameSync(path, `${path}.1`)
  await platform.clock.pass(1000)
  await files.write(messages('2'))
  expect([linesOf(`${path}.1`), linesOf(path)]).toEqual([['1'], ['2']])
  unlinkSync(path)
  await platform.clock.pass(1000)
  await files.write(messages('3'))
  expect(linesOf(path)).toEqual(['3'])
  await files.close(1000)
})

test('a link in place of a fixed path is followed', async () => {
  const folder = temporaryFolder()
  symlinkSync(join(folder, 'real.log'), join(folder, 'all.log'))
  const files = await openTemplated(join(folder, 'all.log'))
  await files.write(messages('1'))
  expect(linesOf(join(folder, 'real.log'))).toEqual(['1'])
  await files.close(1000)
})

test('reopen under load: the file renamed by logrotate and the new one have every line once, in order', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'all.log')
  const platform = fakePlatform()
  const files = await openTemplated(path, platform)
  const writes: Promise<void>[] = []
  let n = 0
  for (let round = 0; round < 20; round += 1) {
    for (let i = 0; i < 10; i += 1) writes.push(files.write(batch([{ texts: [String(n++), String(n++)] }])))
    renameSync(path, `${path}.${round}`)
    writeFileSync(path, '')
    const reopened = files.reopen()
    for (let i = 0; i < 10; i += 1) writes.push(files.write(batch([{ texts: [String(n++), String(n++)] }])))
    await inTime(platform.clock, reopened)
  }
  await inTime(platform.clock, Promise.all(writes))
  const rotated = Array.from({ length: 20 }, (_, round) => linesOf(`${path}.${round}`)).flat()
  expect([...rotated, ...linesOf(path)]).toEqual(Array.from({ length: n }, (_, i) => String(i)))
  await files.close(1000)
})

test('reopen: lines written before the signal are in the renamed file, those after it in the new one', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'all.log')
  const platform = fakePlatform()
  const files = await openTemplated(path, platform)
  const before = files.write(batch([{ texts: ['before'] }]))
  renameSync(path, `${path}.1`)
  const reopened = files.reopen()
  const after = files.write(batch([{ texts: ['after'] }]))
  await inTime(platform.clock, Promise.all([before, reopened, after]))
  expect([linesOf(`${path}.1`), linesOf(path)]).toEqual([['before'], ['after']])
  await files.close(1000)
})

test('reopen creates the file again if logrotate did not', async () => {
  const path = join(temporaryFolder(), 'all.log')
  const files = await openTemplated(path)
  renameSync(path, `${path}.1`)
  await files.reopen()
  expect(existsSync(path)).toBe(true)
  await files.close(1000)
})

test('templated: files without a line for ten minutes are closed, and opened again for the next line', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  const files = await openTemplated(join(folder, '{host}.log'), platform)
  await files.write(messages(said('a', 'x', '1'), said('b', 'x', '1')))
  expect(await platform.metrics.total('sluice_output_files')).toBe(2)
  for (let minute = 0; minute < 12; minute += 1) {
    await platform.clock.pass(60_000)
    await files.write(messages(said('b', 'x', '2')))
  }
  expect(await platform.metrics.total('sluice_output_files')).toBe(1)
  await files.write(messages(said('a', 'x', '2')))
  expect(linesOf(join(folder, 'a.log'))).toHaveLength(2)
  await files.close(1000)
})

test('templated: closed files are forgotten when there are many, open ones are not', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  const files = await openTemplated(join(folder, '{host}.log'), platform, 2)
  const hosts = ['a', 'b', 'c', 'd', 'e', 'f']
  for (let round = 0; round < 3; round += 1) {
    for (const host of hosts) await files.write(messages(said(host, 'x', String(round))))
    await platform.clock.pass(61_000)
  }
  await files.close(1000)
  for (const host of hosts) expect(linesOf(join(folder, `${host}.log`))).toHaveLength(3)
  expect(pathsOpenBelow(folder)).toEqual([])
})

test('templated: at most half of the process’s descriptor limit is used for open files, which is logged once', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform(Object.assign(Object.create(systemDisk) as Disk, { openMax: 16 }))
  let most = 0
  platform.metrics.set = (_name, _labels, to) => {
    most = Math.max(most, to)
  }
  const files = await openTemplated(join(folder, '{host}.log'), platform, 100)
  const hosts = Array.from({ length: 40 }, (_, i) => `h${i}`)
  for (let round = 0; round < 3; round += 1) {
    await Promise.all(hosts.map((host) => files.write(messages(said(host, 'a', String(round))))))
  }
  for (const host of hosts) expect(linesOf(join(folder, `${host}.log`))).toHaveLength(3)
  expect(most).toBeLessThanOrEqual(8)
  expect(platform.log.lines.filter(({ text }) => text.startsWith('fewer files are held open')).length).toBe(1)
  await files.close(1000)
})

test('templated: two destinations share that half, and one has all of it when the other is closed', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform(Object.assign(Object.create(systemDisk) as Disk, { openMax: 16 }))
  const hosts = Array.from({ length: 40 }, (_, i) => `h${i}`)
  const most = async (files: Awaited<ReturnType<typeof openTemplated>>, round: string) => {
    let most = 0
    platform.metrics.set = (_name, _labels, to) => {
      most = Math.max(most, to)
    }
    for (const host of hosts) await files.write(messages(said(host, 'a', round)))
    return most
  }
  const one = await openTemplated(join(folder, 'one-{host}.log'), platform, 100)
  const other = await openTemplated(join(folder, 'other-{host}.log'), platform, 100)
  expect([await most(one, '1'), await most(other, '1')]).toEqual([4, 4])
  await one.close(1000)
  expect(await most(other, '2')).toBe(8)
  for (const host of hosts) expect(linesOf(join(folder, `other-${host}.log`))).toHaveLength(2)
  await other.close(1000)
})

test('templated: when the process runs out of descriptors, idle files are closed, and every line is written', async () => {
  const folder = temporaryFolder()
  let open = 0
  const disk = Object.create(systemDisk) as Disk
  disk.open = async (...how) => {
    if (open >= 10) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
    open += 1
    const file = await systemDisk.open(...how)
    const close = file.close.bind(file)
    file.close = () => close().finally(() => (open -= 1))
    return file
  }
  const platform = fakePlatform(disk)
  const files = await openTemplated(join(folder, '{host}.log'), platform, 100)
  const hosts = Array.from({ length: 40 }, (_, i) => `h${i}`)
  const sinceMs = platform.clock.monotonicMs()
  await inTime(platform.clock, Promise.all(hosts.map((host) => files.write(messages(said(host, 'a', 'x'))))))
  // Files are closed at once, not only after minutes without a line.
  expect(platform.clock.monotonicMs() - sinceMs).toBeLessThan(60_000)
  for (const host of hosts) expect(linesOf(join(folder, `${host}.log`))).toHaveLength(1)
  await files.close(1000)
})
