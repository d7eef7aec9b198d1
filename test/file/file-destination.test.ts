import { chmodSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { FileDestinationOptions } from '../../collector/file/file-destination.ts'
import { systemDisk, type Disk } from '../../common/disk.ts'
import { FILE_BUFFER_BYTES_MAX } from '../../common/limits.ts'
import { batch } from '../pipeline/batches.ts'
import { settle } from '../fake/clock.ts'
import { fakePlatform } from '../fake/platform.ts'
import { failingDisk, fileDestination, linesOf, systemError, temporaryFolder, until } from './surroundings.ts'

const access = { mode: 0o640, folderMode: 0o750 }

async function openFile(path: string, platform = fakePlatform(), more: Partial<FileDestinationOptions> = {}) {
  const files = fileDestination({ path, access, ...more }, platform)
  await files.open()
  return files
}

test('file: when a write settles, its lines are in the file, in the order of the calls', async () => {
  const path = join(temporaryFolder(), 'all.log')
  const files = await openFile(path)
  const writes = []
  for (let i = 0; i < 200; i += 1) writes.push(files.write(batch([{ texts: [`<13>a${i}`, `<13>b${i}`] }])))
  await writes[0]
  expect(linesOf(path).slice(0, 2)).toEqual(['<13>a0', '<13>b0'])
  await Promise.all(writes)
  expect(linesOf(path)).toEqual(Array.from({ length: 200 }, (_, i) => [`<13>a${i}`, `<13>b${i}`]).flat())
  await files.close(1000)
})

test('file: an empty batch settles and writes nothing', async () => {
  const path = join(temporaryFolder(), 'all.log')
  const files = await openFile(path)
  await files.write(batch([]))
  expect(linesOf(path)).toEqual([])
  await files.close(1000)
})

test('file: new lines are appended to what was in the file before', async () => {
  const path = join(temporaryFolder(), 'all.log')
  writeFileSync(path, 'before\n')
  const files = await openFile(path)
  await files.write(batch([{ texts: ['after'] }]))
  await files.close(1000)
  expect(linesOf(path)).toEqual(['before', 'after'])
})

test('file: missing folders are created with the configured modes, whatever the umask', async () => {
  const umask = process.umask(0o077)
  try {
    const folder = temporaryFolder()
    const path = join(folder, 'a', 'b', 'all.log')
    const files = await openFile(path, fakePlatform(), { access: { mode: 0o664, folderMode: 0o775 } })
    await files.close(1000)
    const mode = (name: string) => statSync(name).mode & 0o7777
    expect([mode(join(folder, 'a')), mode(join(folder, 'a', 'b')), mode(path)]).toEqual([0o775, 0o775, 0o664])
  } finally {
    process.umask(umask)
  }
})

test('file: the mode of an existing file is not changed', async () => {
  const path = join(temporaryFolder(), 'all.log')
  writeFileSync(path, '')
  chmodSync(path, 0o600)
  const files = await openFile(path)
  await files.close(1000)
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('file: a link that somebody puts in place of a new file does not lead its mode to another one', async () => {
  const path = join(temporaryFolder(), 'all.log')
  const other = join(temporaryFolder(), 'secret')
  writeFileSync(other, '')
  chmodSync(other, 0o600)
  const disk: typeof systemDisk = {
    ...systemDisk,
    async open(name, how, mode) {
      const file = await systemDisk.open(name, how, mode)
      if (name === path) {
        renameSync(path, `${path}.new`)
        symlinkSync(other, path)
      }
      return file
    },
  }
  const files = await openFile(path, fakePlatform(disk), { access: { mode: 0o644, folderMode: 0o755 } })
  await files.close(1000)
  expect(statSync(other).mode & 0o777).toBe(0o600)
  expect(statSync(`${path}.new`).mode & 0o777).toBe(0o644)
})

test('file: on a full disk writes wait, which is logged and counted; when space returns, every line is written once and complete', async () => {
  const path = join(temporaryFolder(), 'all.log')
  let full = true
  const disk = failingDisk((call) =>
    call === 'write' && full ? { error: systemError('ENOSPC'), afterBytes: 3 } : undefined,
  )
  const platform = fakePlatform(disk)
  const files = await openFile(path, platform)
  let settled = false
  const write = files.write(batch([{ texts: ['<13>one', '<13>two'] }])).then(() => (settled = true))
  await until(() => platform.log.lines.length > 0, 'the warning')
  expect(platform.log.lines[0]).toMatchObject({ level: 'warn', values: { errno: 'ENOSPC', path } })
  await platform.clock.pass(60)
  expect(settled).toBe(false)
  full = false
  await platform.clock.pass(100)
  await write
  expect(linesOf(path)).toEqual(['<13>one', '<13>two'])
  expect(platform.log.lines.slice(1)).toMatchObject([{ level: 'info', values: { path }, text: 'can write again' }])
  expect(await platform.metrics.total('sluice_write_errors_total')).toBe(1)
  await files.close(1000)
})

test('file: after close, a write is rejected with STOPPING', async () => {
  const files = await openFile(join(temporaryFolder(), 'all.log'))
  await files.close(1000)
  await expect(files.write(batch([{ texts: ['late'] }]))).rejects.toMatchObject({ code: 'STOPPING' })
})

test('file: what cannot be written by the deadline of close is rejected with STOPPING', async () => {
  const disk = failingDisk((call) => (call === 'write' ? systemError('EIO') : undefined))
  const platform = fakePlatform(disk)
  const files = await openFile(join(temporaryFolder(), 'all.log'), platform)
  const write = files.write(batch([{ texts: ['stuck'] }])).catch((error: unknown) => error)
  await until(() => platform.log.lines.length > 0, 'the first failure')
  const closed = files.close(50)
  await platform.clock.pass(50)
  await closed
  expect(await write).toMatchObject({ code: 'STOPPING' })
})

test('file: a stop while nothing but the reopening of the file is in progress writes what waits for it', async () => {
  const path = join(temporaryFolder(), 'all.log')
  let opened = Promise.resolve()
  const disk: Disk = { ...systemDisk, open: (...how) => opened.then(() => systemDisk.open(...how)) }
  const files = await openFile(path, fakePlatform(disk))
  void files.write(batch([{ texts: ['first'] }]))
  const large = files.write(batch([{ texts: ['x'.repeat(FILE_BUFFER_BYTES_MAX)] }]))
  let open = () => {}
  opened = new Promise((resolve) => (open = resolve))
  const reopened = files.reopen()
  const waiting = files.write(batch([{ texts: ['waiting'] }]))
  await large
  const closed = files.close(1000)
  await settle()
  open()
  await Promise.all([closed, reopened, waiting])
  expect(linesOf(path).at(-1)).toBe('waiting')
})

test('file: the number of open files is a metric', async () => {
  const platform = fakePlatform()
  const files = await openFile(join(temporaryFolder(), 'all.log'), platform)
  await files.write(batch([{ texts: ['x'] }]))
  expect(await platform.metrics.total('sluice_output_files')).toBe(1)
  await files.close(1000)
  expect(await platform.metrics.total('sluice_output_files')).toBe(0)
})
