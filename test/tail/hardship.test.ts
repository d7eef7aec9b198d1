// Difficult files and disks: missing permissions, many files, failing syncs.

import { appendFileSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { describe, test, type TestContext } from 'vitest'
import { systemDisk, type Disk, type DiskFile, type FileStat } from '../../common/disk.ts'
import { Fault } from '../../common/fault.ts'
import { FOLLOWED_OPEN_MAX, OPEN_WRITE_BYTES_MAX } from '../../common/limits.ts'
import { zstdCompressor } from '../../common/zstd.ts'
import { asLines, hold, numbered, pathsOpenBelow, Tailing } from './tailing.ts'

/** The real disk, except that files for which `fails` is true cannot be opened for reading (EACCES). */
function failingDisk(fails: (path: string) => boolean): Disk {
  const disk: Disk = Object.create(systemDisk)
  disk.open = (path, how, mode) =>
    how === 'read' && fails(path.toString())
      ? Promise.reject(Object.assign(new Error('permission denied'), { code: 'EACCES' }))
      : systemDisk.open(path, how, mode)
  return disk
}

/** The real disk with another device number for every file, as after a reboot, when disks may be numbered differently. */
function renumberedDisk(): Disk {
  const other = (stat: FileStat) => ({ ...stat, device: stat.device + 4096n })
  const disk: Disk = Object.create(systemDisk)
  disk.stat = async (path) => {
    const stat = await systemDisk.stat(path)
    return stat && other(stat)
  }
  disk.statAll = (folder, names, told) =>
    systemDisk.statAll(folder, names, (name, stat, error) => told(name, stat && other(stat), error))
  disk.open = async (path, how, mode) => {
    const file = await systemDisk.open(path, how, mode)
    const found: DiskFile = Object.create(file)
    return Object.assign(found, {
      stat: async () => other(await file.stat()),
      read: file.read.bind(file),
      write: file.write.bind(file),
      sync: file.sync.bind(file),
      truncate: file.truncate.bind(file),
      close: file.close.bind(file),
    })
  }
  return disk
}

/** The real disk, which counts the reads of all files. */
function countingDisk(): { readonly disk: Disk; readonly reads: () => number } {
  let reads = 0
  const disk: Disk = Object.create(systemDisk)
  disk.open = async (path, how, mode) => {
    const file = await systemDisk.open(path, how, mode)
    const read = file.read.bind(file)
    return Object.assign(file, { read: (...args: Parameters<DiskFile['read']>) => ((reads += 1), read(...args)) })
  }
  return { disk, reads: () => reads }
}

describe.concurrent('losses are counted and logged', () => {
  /** A source that follows app.log: fifty lines are stored, and the write of forty more is open. */
  async function withOpenWrite(context: TestContext, disk?: Disk) {
    const tailing = new Tailing(context, 'app.log')
    if (disk) tailing.disk = disk
    writeFileSync(tailing.path('app.log'), asLines(numbered('first', 50)))
    await tailing.start()
    await tailing.expectStored(numbered('first', 50))
    const held = hold(tailing)
    appendFileSync(tailing.path('app.log'), asLines(numbered('open', 40)))
    await context.expect.poll(() => tailing.offered).toBeGreaterThan(1)
    return { tailing, held }
  }

  for (const end of ['giveBack', 'stop'] as const) {
    test(`rejected messages of a truncated file are counted and logged (${end})`, async (context) => {
      const { expect } = context
      const { tailing, held } = await withOpenWrite(context)
      truncateSync(tailing.path('app.log'))
      await expect.poll(() => tailing.hasLogged('file was cut or rewritten')).toBe(true)
      const stopped = end === 'stop' ? tailing.stop() : undefined
      held.giveBack(end === 'stop' ? new Fault('STOPPING', 'planted') : undefined)
      await stopped
      await expect.poll(() => tailing.counted('sluice_dropped_total')).toBe(40)
      expect(tailing.hasLogged('a write failed and the file is no longer there to be read again')).toBe(true)
      if (end === 'stop') return
      appendFileSync(tailing.path('app.log'), asLines(['after']))
      await tailing.expectStored([...numbered('first', 50), 'after'])
      expect(await tailing.counted('sluice_dropped_total')).toBe(40)
    })
  }

  test('messages of a truncated file that are rejected while its rest is looked for are counted and logged', async (context) => {
    const { expect } = context
    const gate = { opened: Promise.resolve(), open: () => {}, waiting: 0 }
    const list: Disk['list'] = async (folder) => {
      gate.waiting += 1
      await gate.opened
      return systemDisk.list(folder)
    }
    const disk: Disk = Object.assign(Object.create(systemDisk) as Disk, { list })
    const { tailing, held } = await withOpenWrite(context, disk)
    gate.opened = new Promise<void>((resolve) => (gate.open = resolve))
    truncateSync(tailing.path('app.log'))
    await expect.poll(() => tailing.hasLogged('file was cut or rewritten')).toBe(true)
    await expect.poll(() => gate.waiting).toBeGreaterThan(0)
    held.giveBack()
    await new Promise(setImmediate)
    gate.open()
    await expect.poll(() => tailing.counted('sluice_dropped_total')).toBe(40)
    expect(tailing.hasLogged('a write failed and the file is no longer there to be read again')).toBe(true)
  })

  test('the bytes of an unread rest are counted and logged if a file is truncated without a copy', async (context) => {
    const { expect } = context
    const tailing = new Tailing(context, 'app.log')
    writeFileSync(tailing.path('app.log'), asLines(numbered('first', 50)))
    await tailing.start()
    await tailing.expectStored(numbered('first', 50))
    // Once the whole line is stored, the half line after it has been seen too.
    appendFileSync(tailing.path('app.log'), 'whole\nhalf a line')
    await tailing.expectStored([...numbered('first', 50), 'whole'])
    truncateSync(tailing.path('app.log'))
    await expect.poll(() => tailing.hasLogged('file was truncated or removed before')).toBe(true)
    expect(await tailing.counted('sluice_unread_bytes_total')).toBe('half a line'.length)
  })

  test('a file truncated while a destination stalls: the bytes that were seen and not read are counted', async (context) => {
    const { expect } = context
    const tailing = new Tailing(context, 'app.log')
    writeFileSync(tailing.path('app.log'), asLines(numbered('first', 50)))
    await tailing.start()
    await tailing.expectStored(numbered('first', 50))
    const held = hold(tailing)
    // More than open writes may hold, so that some of it stays unread in the file.
    const line = `${'x'.repeat(1023)}\n`
    const bytes = 12 * 1024 * 1024
    appendFileSync(tailing.path('app.log'), line.repeat(bytes / 1024))
    await expect.poll(() => tailing.offeredBytes).toBeGreaterThanOrEqual(OPEN_WRITE_BYTES_MAX)
    truncateSync(tailing.path('app.log'))
    held.go()
    await expect.poll(() => tailing.hasLogged('file was truncated or removed before')).toBe(true)
    const read = (tailing.stored.length - 50) * 1024
    expect(read).toBeGreaterThan(0)
    expect(await tailing.counted('sluice_unread_bytes_total')).toBeGreaterThan(0)
    expect(read + (await tailing.counted('sluice_unread_bytes_total'))).toBeLessThanOrEqual(bytes)
  })

  test('a file truncated while a destination stalls, which then rejects: nothing is counted both as messages and as bytes', async (context) => {
    const { expect } = context
    const tailing = new Tailing(context, 'app.log')
    const held = hold(tailing)
    const line = `${'x'.repeat(1023)}\n`
    const bytes = 12 * 1024 * 1024
    writeFileSync(tailing.path('app.log'), line.repeat(bytes / 1024))
    await tailing.start()
    await expect.poll(() => tailing.offeredBytes).toBeGreaterThanOrEqual(OPEN_WRITE_BYTES_MAX)
    truncateSync(tailing.path('app.log'))
    held.giveBack()
    await expect.poll(() => tailing.hasLogged('a write failed and the file is no longer there')).toBe(true)
    const dropped = (await tailing.counted('sluice_dropped_total')) * 1024
    expect(dropped).toBeGreaterThan(0)
    expect(dropped + (await tailing.counted('sluice_unread_bytes_total'))).toBe(bytes)
  })

  test('the new content of a rewritten file is not counted as lost', async (context) => {
    const { expect } = context
    const tailing = new Tailing(context, 'app.log')
    writeFileSync(tailing.path('app.log'), asLines(numbered('first', 50)))
    await tailing.start()
    await tailing.expectStored(numbered('first', 50))
    writeFileSync(tailing.path('app.log'), asLines(numbered('much more', 500)))
    await tailing.expectStored([...numbered('first', 50), ...numbered('much more', 500)])
    expect(await tailing.counted('sluice_unread_bytes_total')).toBe(0)
  })

  test('nothing is counted as lost if a file is truncated after all of it was read', async (context) => {
    const { expect } = context
    const tailing = new Tailing(context, 'app.log')
    writeFileSync(tailing.path('app.log'), asLines(numbered('first', 50)))
    await tailing.start()
    await tailing.expectStored(numbered('first', 50))
    writeFileSync(tailing.path('app.log'), 'after\n')
    await tailing.expectStored([...numbered('first', 50), 'after'])
    expect(await tailing.counted('sluice_unread_bytes_total')).toBe(0)
    expect(await tailing.counted('sluice_dropped_total')).toBe(0)
  })
})

describe.concurrent('a disk that fails', () => {
  test('a file that cannot be opened after a restart is continued at its position once it can', async (context) => {
    const tailing = new Tailing(context, '*.log')
    writeFileSync(tailing.path('a.log'), asLines(numbered('first', 50)))
    await tailing.start()
    await tailing.expectStored(numbered('first', 50))
    await tailing.stop()
    let denied = true
    tailing.disk = failingDisk((path) => denied && path.endsWith('a.log'))
    appendFileSync(tailing.path('a.log'), 'more\n')
    writeFileSync(tailing.path('b.log'), 'b\n')
    await tailing.start()
    await tailing.expectStored([...numbered('first', 50), 'b'])
    await context.expect.poll(() => tailing.hasLogged('cannot be read')).toBe(true)
    denied = false
    await tailing.expectStored([...numbered('first', 50), 'b', 'more'])
  })

  test('files with the same header are continued at their positions when their disk has another device number', async (context) => {
    const tailing = new Tailing(context, '*.csv')
    const header = 'time;host;value'.padEnd(2000, ';')
    const rows = numbered('row', 20)
    for (const name of ['a.csv', 'b.csv', 'c.csv']) writeFileSync(tailing.path(name), asLines([header]))
    // In the order in which a sweep finds them. The first has only the header that all have, and is removed.
    const [gone, long, short] = readdirSync(tailing.logs)
    appendFileSync(tailing.path(long), asLines(rows))
    await tailing.start()
    await tailing.expectStored([header, header, header, ...rows])
    await tailing.stop()
    rmSync(tailing.path(gone))
    appendFileSync(tailing.path(long), 'more of the long one\n')
    appendFileSync(tailing.path(short), 'more of the short one\n')
    tailing.disk = renumberedDisk()
    await tailing.start()
    const all = [header, header, header, ...rows, 'more of the long one', 'more of the short one']
    await tailing.expectStored(all)
    writeFileSync(tailing.path('d.csv'), 'last\n')
    await tailing.expectStored([...all, 'last'])
  })

  test('a file that was missing during two starts is continued at its position', async (context) => {
    const tailing = new Tailing(context, '*.log')
    writeFileSync(tailing.path('a.log'), asLines(numbered('first', 50)))
    await tailing.start()
    await tailing.expectStored(numbered('first', 50))
    await tailing.stop()
    renameSync(tailing.path('a.log'), `${tailing.logs}.away`)
    context.onTestFinished(() => rmSync(`${tailing.logs}.away`, { force: true }))
    for (let turn = 0; turn < 2; turn += 1) {
      await tailing.start()
      await context.expect.poll(() => tailing.hasLogged('file is gone')).toBe(true)
      await tailing.stop()
    }
    await tailing.start()
    renameSync(`${tailing.logs}.away`, tailing.path('a.log'))
    appendFileSync(tailing.path('a.log'), 'more\n')
    await tailing.expectStored([...numbered('first', 50), 'more'])
  })
})

describe('many files', () => {
  test('five thousand files are followed with a bounded number of descriptors', async (context) => {
    const { expect } = context
    const tailing = new Tailing(context, '*.log')
    const name = (i: number) => tailing.path(`${i}.log`)
    for (let i = 0; i < 5000; i += 1) writeFileSync(name(i), `first ${i}\n`)
    await tailing.start()
    await tailing.expectStored(numbered('first', 5000))
    await expect.poll(() => pathsOpenBelow(tailing.logs).length).toBeLessThanOrEqual(FOLLOWED_OPEN_MAX)
    for (let i = 0; i < 5000; i += 1) appendFileSync(name(i), `second ${i}\n`)
    const all = [...numbered('first', 5000), ...numbered('second', 5000)]
    await tailing.expectStored(all)
    await tailing.stop()
    appendFileSync(name(4711), 'third\n')
    await tailing.start()
    await tailing.expectStored([...all, 'third'])
    expect(pathsOpenBelow(tailing.logs).length).toBeLessThanOrEqual(FOLLOWED_OPEN_MAX + 1)
  })

  for (const isStopped of [false, true]) {
    const when = isStopped ? 'while sluice is stopped' : 'while sluice runs'
    test(`300 files rotated together ${when} cost less than thirty reads each`, async (context) => {
      const tailing = new Tailing(context, '*.log')
      const { disk, reads } = countingDisk()
      tailing.disk = disk
      const names = numbered('app', 300).map((name) => tailing.path(`${name.replace(' ', '-')}.log`))
      for (const name of names) writeFileSync(name, `first ${name}\n`)
      await tailing.start()
      const stored = names.map((name) => `first ${name}`)
      await tailing.expectStored(stored)
      if (isStopped) await tailing.stop()
      const before = reads()
      for (const name of names) {
        appendFileSync(name, `second ${name}\n`)
        renameSync(name, `${name}.2`)
        writeFileSync(`${name}.1`, `third ${name}, of a file that came and went between two looks\n`)
        writeFileSync(name, `fourth ${name}\n`)
        stored.push(`second ${name}`, `third ${name}, of a file that came and went between two looks`, `fourth ${name}`)
      }
      if (isStopped) await tailing.start()
      await tailing.expectStored(stored)
      context.expect((reads() - before) / names.length).toBeLessThan(30)
    })
  }
})

describe('files that were closed because too many are open', () => {
  const names = Array.from({ length: FOLLOWED_OPEN_MAX + 100 }, (_, i) => `${i}.log`)
  const first = (name: string) => `${name} ${'.'.repeat(1100)}`

  /** Follows more files than may be open. `denial.name` is one that is closed, and cannot be opened while `denial.isOn`. */
  async function withOneClosed(context: TestContext) {
    const tailing = new Tailing(context, '*.log')
    const denial = { name: '', isOn: false }
    tailing.disk = failingDisk((path) => denial.isOn && path.endsWith(`/${denial.name}`))
    for (const name of names) writeFileSync(tailing.path(name), `${first(name)}\n`)
    await tailing.start()
    const stored = names.map(first)
    await tailing.expectStored(stored)
    const closed = () => {
      const open = new Set(pathsOpenBelow(tailing.logs))
      return names.find((name) => !open.has(tailing.path(name)))
    }
    await context.expect.poll(closed).toBeDefined()
    denial.name = closed()!
    denial.isOn = true
    return { tailing, denial, stored }
  }

  test('the unread bytes of one that is removed are counted and logged', async (context) => {
    const { expect } = context
    const { tailing, denial, stored } = await withOneClosed(context)
    const path = tailing.path(denial.name)
    appendFileSync(path, 'unread\n')
    await expect.poll(() => tailing.hasLogged('failed; will retry')).toBe(true)
    // The sweep that finds a new file has seen the other one as well.
    writeFileSync(tailing.path('new.log'), 'new\n')
    await tailing.expectStored([...stored, 'new'])
    rmSync(path)
    denial.isOn = false
    await expect.poll(() => tailing.hasLogged('file was truncated or removed before')).toBe(true)
    expect(await tailing.counted('sluice_unread_bytes_total')).toBe('unread\n'.length)
    expect(tailing.stored).toHaveLength(stored.length + 1)
  })

  for (const ending of ['', '.gz', '.zst']) {
    test(`one that is rotated to .1${ending} before it was read is read to its end`, async (context) => {
      const { expect } = context
      const { tailing, denial, stored } = await withOneClosed(context)
      const path = tailing.path(denial.name)
      appendFileSync(path, 'unread\n')
      await expect.poll(() => tailing.hasLogged('failed; will retry')).toBe(true)
      const whole = readFileSync(path)
      if (ending === '') renameSync(path, `${path}.1`)
      else {
        writeFileSync(`${path}.1${ending}`, ending === '.gz' ? gzipSync(whole) : zstdCompressor(3).compress(whole))
        rmSync(path)
      }
      writeFileSync(path, 'after\n')
      denial.isOn = false
      await tailing.expectStored([...stored, 'unread', 'after'])
      expect(await tailing.counted('sluice_unread_bytes_total')).toBe(0)
    })
  }
})
