// Files that cannot be read for a while, or that come and go between two sweeps. Every line must still be stored once.

import {
  appendFileSync,
  copyFileSync,
  existsSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { describe, test, type TestContext } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { systemDisk, type Disk } from '../../common/disk.ts'
import { HEAD_BYTES } from '../../shipper/tail/fingerprint.ts'
import { asLines, diskWithErrors, numbered, Tailing } from './tailing.ts'

/** Once `value` is true, each call on the first descriptor of app.log rejects with `code`; `open` is 1 while that descriptor is open. */
function dyingDescriptors(tailing: Tailing, code: string): { value: boolean; open: number } {
  const isDead = { value: false, open: 0 }
  const disk: Disk = Object.create(systemDisk)
  let opened = 0
  disk.open = async (...args) => {
    const file = await systemDisk.open(...args)
    if (!String(args[0]).endsWith('/app.log') || ++opened > 1) return file
    isDead.open += 1
    const failing = (name: 'read' | 'stat') => {
      const call = file[name].bind(file) as (...args: unknown[]) => Promise<unknown>
      const failed = () => Promise.reject(Object.assign(new Error(code), { code }))
      return { [name]: (...args: unknown[]) => (isDead.value ? failed() : call(...args)) }
    }
    const close = file.close.bind(file)
    return Object.assign(file, failing('read'), failing('stat'), { close: () => ((isDead.open -= 1), close()) })
  }
  tailing.disk = disk
  return isDead
}

/** A source that has stored the first lines of app.log and was stopped before `line` was added. */
async function stoppedBefore(context: TestContext, line: string) {
  const tailing = new Tailing(context, 'app.log')
  const first = numbered('first', 200)
  writeFileSync(tailing.path('app.log'), asLines(first))
  await tailing.start()
  await tailing.expectStored(first)
  await tailing.stop()
  appendFileSync(tailing.path('app.log'), `${line}\n`)
  return { tailing, first }
}

describe.concurrent('unreadable files', () => {
  test.for([1, 2, 3, 4, 5])(
    'a file is continued at its position if read %i after a restart fails',
    async (fails, context) => {
      const { tailing, first } = await stoppedBefore(context, 'more')
      let reads = 0
      tailing.disk = diskWithErrors((path) => path.endsWith('/app.log') && ++reads === fails)
      await tailing.start()
      await tailing.expectStored([...first, 'more'])
      appendFileSync(tailing.path('app.log'), 'last\n')
      await tailing.expectStored([...first, 'more', 'last'])
    },
  )

  test.for([1, 2, 3, 4, 5, 6, 7])(
    'a file rotated while sluice was stopped is continued at its position if read %i of it fails',
    async (fails, context) => {
      const { tailing, first } = await stoppedBefore(context, 'more')
      renameSync(tailing.path('app.log'), tailing.path('app.log.1'))
      writeFileSync(tailing.path('app.log'), 'next\n')
      let reads = 0
      tailing.disk = diskWithErrors((path) => path.endsWith('/app.log.1') && ++reads === fails)
      await tailing.start()
      await tailing.expectStored([...first, 'more', 'next'])
    },
  )

  test('an unreadable rotated file is not held open between two sweeps', async (context) => {
    const { tailing, first } = await stoppedBefore(context, 'more')
    renameSync(tailing.path('app.log'), tailing.path('app.log.1'))
    writeFileSync(tailing.path('app.log'), 'next\n')
    let isUnreadable = true
    let [looked, open] = [0, 0]
    const disk = diskWithErrors((path) => isUnreadable && path.endsWith('/app.log.1'))
    tailing.disk = Object.assign(Object.create(disk) as Disk, {
      open: async (...args: Parameters<Disk['open']>) => {
        const file = await disk.open(...args)
        if (!String(args[0]).endsWith('/app.log.1')) return file
        looked += 1
        open += 1
        const close = file.close.bind(file)
        return Object.assign(file, { close: () => ((open -= 1), close()) })
      },
    })
    await tailing.start()
    await context.expect.poll(() => looked).toBeGreaterThan(3)
    await context.expect.poll(() => open).toBeLessThan(2)
    isUnreadable = false
    await tailing.expectStored([...first, 'more', 'next'])
  })

  test.for(['EIO', 'ESTALE'])('a file whose descriptor fails with %s is opened again', async (code, context) => {
    const tailing = new Tailing(context, 'app.log')
    const isDead = dyingDescriptors(tailing, code)
    writeFileSync(tailing.path('app.log'), 'first\n')
    await tailing.start()
    await tailing.expectStored(['first'])
    isDead.value = true
    appendFileSync(tailing.path('app.log'), 'second\n')
    await tailing.expectStored(['first', 'second'])
  })

  test('a descriptor that fails with ESTALE is closed, if its file has been replaced', async (context) => {
    const tailing = new Tailing(context, 'app.log')
    const isDead = dyingDescriptors(tailing, 'ESTALE')
    writeFileSync(tailing.path('app.log'), 'first\n')
    await tailing.start()
    await tailing.expectStored(['first'])
    writeFileSync(tailing.path('new'), 'second\n')
    isDead.value = true
    renameSync(tailing.path('new'), tailing.path('app.log'))
    await tailing.expectStored(['first', 'second'])
    await context.expect.poll(() => isDead.open).toBe(0)
  })

  test('an old file without read permission does not make a file rotated before the first start count as new', async (context) => {
    const tailing = new Tailing(context, '*.log')
    tailing.disk = diskWithErrors((path) => path.endsWith('/secret.log'), 'EACCES')
    for (const [name, year] of [
      ['secret.log', 2020],
      ['app.log.1', 2021],
    ] as const) {
      writeFileSync(tailing.path(name), `${name}\n`)
      utimesSync(tailing.path(name), new Date(year, 0), new Date(year, 0))
    }
    writeFileSync(tailing.path('app.log'), 'first\n')
    await tailing.start()
    await tailing.expectStored(['first'])
    renameSync(tailing.path('app.log.1'), tailing.path('app.log.2'))
    renameSync(tailing.path('app.log'), tailing.path('app.log.1'))
    writeFileSync(tailing.path('app.log'), 'second\n')
    await tailing.expectStored(['first', 'second'])
    context.expect(await tailing.follows()).toBe(2)
  })

  test('an unreadable file keeps other files followed for an hour at most', async (context) => {
    const { expect } = context
    const tailing = new Tailing(context, '*.log')
    const passes = tailing.fastClock()
    for (const name of ['bad.log', 'app.log']) writeFileSync(tailing.path(name), `${name}\n`)
    tailing.disk = diskWithErrors((path) => path.endsWith('/bad.log'))
    await tailing.start()
    await tailing.expectStored(['app.log'])
    // No sweep is complete while bad.log cannot be read, so app.log was written to after the last complete one.
    await passes(60_000)
    appendFileSync(tailing.path('app.log'), 'more\n')
    await tailing.expectStored(['app.log', 'more'])
    rmSync(tailing.path('app.log'))
    await passes(10 * 60_000)
    expect(await tailing.follows()).toBe(1)
    await passes(60 * 60_000)
    await expect.poll(() => tailing.follows()).toBe(0)
    await tailing.stop()
  })

  test('an unreadable file does not keep other files from being found', async (context) => {
    const tailing = new Tailing(context, '*.log')
    writeFileSync(tailing.path('a.log'), 'a\n')
    writeFileSync(tailing.path('b.log'), 'b\n')
    tailing.disk = diskWithErrors((path) => path.endsWith('/a.log'))
    await tailing.start()
    await tailing.expectStored(['b'])
    context.expect(tailing.hasLogged('cannot be read')).toBe(true)
  })

  test('a new file that is rotated before it could be read is read under its new name', async (context) => {
    const tailing = new Tailing(context, 'app.log')
    let isUnreadable = true
    let failed = 0
    tailing.disk = diskWithErrors((path) => {
      const fails = isUnreadable && path.endsWith('/app.log')
      if (fails) failed += 1
      return fails
    })
    await tailing.start()
    writeFileSync(tailing.path('app.log'), asLines(numbered('first', 50)))
    // Each sweep tries it once, so the file is older than the last sweep.
    await context.expect.poll(() => failed).toBeGreaterThan(2)
    context.expect(tailing.hasLogged('cannot be read')).toBe(true)
    renameSync(tailing.path('app.log'), tailing.path('app.log.1'))
    isUnreadable = false
    writeFileSync(tailing.path('app.log'), 'second\n')
    await tailing.expectStored([...numbered('first', 50), 'second'])
  })

  test('a file that is rotated and can only be read after a restart is read then', async (context) => {
    const tailing = new Tailing(context, 'app.log')
    const isFirst = (path: string) => path.endsWith('/app.log.1') || !existsSync(tailing.path('app.log.1'))
    tailing.disk = diskWithErrors((path) => path.startsWith(tailing.logs) && isFirst(path))
    writeFileSync(tailing.path('app.log'), 'first\n')
    await tailing.start()
    await context.expect.poll(() => tailing.hasLogged('cannot be read')).toBe(true)
    renameSync(tailing.path('app.log'), tailing.path('app.log.1'))
    writeFileSync(tailing.path('app.log'), 'second\n')
    await tailing.expectStored(['second'])
    await tailing.stop()
    tailing.disk = systemDisk
    await tailing.start()
    await tailing.expectStored(['second', 'first'])
  })

  test('a known file that is rotated before it could be read after a restart is continued at its position', async (context) => {
    const { tailing, first } = await stoppedBefore(context, 'more')
    let isUnreadable = true
    tailing.disk = diskWithErrors((path) => isUnreadable && path.endsWith('/app.log'))
    await tailing.start()
    await context.expect.poll(() => tailing.hasLogged('cannot be read')).toBe(true)
    renameSync(tailing.path('app.log'), tailing.path('app.log.1'))
    isUnreadable = false
    writeFileSync(tailing.path('app.log'), 'second\n')
    await tailing.expectStored([...first, 'more', 'second'])
  })
})

test('an unread rest that cannot be read at a start is read once it can', async (context) => {
  const { tailing, first } = await stoppedBefore(context, 'more')
  renameSync(tailing.path('app.log'), tailing.path('app.log.1'))
  writeFileSync(tailing.path('app.log'), 'second\n')
  let isUnreadable = true
  tailing.disk = diskWithErrors((path) => isUnreadable && path.endsWith('/app.log.1'))
  await tailing.start()
  await tailing.expectStored([...first, 'second'])
  context.expect(tailing.hasLogged('cannot be read')).toBe(true)
  context.expect(tailing.hasLogged('file is gone')).toBe(false)
  isUnreadable = false
  await tailing.expectStored([...first, 'second', 'more'])
})

describe.concurrent('the unread rest of a file that was copied and truncated', () => {
  test('is found if nothing of the file could be read before; the new content is another stream', async (context) => {
    const tailing = new Tailing(context, 'app.log')
    let [isUnreadable, failed] = [true, 0]
    // The head by which files are recognised can be read, lines cannot.
    tailing.disk = diskWithErrors((path, bytes) => {
      const fails = isUnreadable && path.endsWith('/app.log') && bytes > HEAD_BYTES
      if (fails) failed += 1
      return fails
    })
    writeFileSync(tailing.path('app.log'), asLines(numbered('first', 5)))
    await tailing.start()
    await context.expect.poll(() => failed).toBeGreaterThan(0)
    copyFileSync(tailing.path('app.log'), tailing.path('app.log.1'))
    truncateSync(tailing.path('app.log'))
    appendFileSync(tailing.path('app.log'), asLines(numbered('second', 50)))
    isUnreadable = false
    await tailing.expectStored([...numbered('first', 5), ...numbered('second', 50)])
  })

  test('is not taken for a copy of the new content after a kill', async (context) => {
    const tailing = new Tailing(context, 'app.log')
    const first = numbered('first', 200)
    writeFileSync(tailing.path('app.log'), asLines(first))
    await tailing.start()
    await tailing.expectStored(first)
    copyFileSync(tailing.path('app.log'), tailing.path('app.log.1'))
    truncateSync(tailing.path('app.log'))
    await context.expect.poll(() => tailing.hasLogged('found the unread rest')).toBe(true)
    await tailing.kill()
    await tailing.start()
    appendFileSync(tailing.path('app.log'), 'second\n')
    await tailing.expectStored([...first, 'second'])
  })

  /** The rest is in app.log.1. Files whose path ends in `unreadable` cannot be read. */
  async function cut(context: TestContext, unreadable: string) {
    const tailing = new Tailing(context, 'app.log')
    const first = numbered('first', 200)
    writeFileSync(tailing.path('app.log'), asLines(first))
    const state = { unreadable: '', looks: 0 }
    tailing.disk = diskWithErrors((path) => state.unreadable !== '' && path.endsWith(state.unreadable))
    tailing.disk.statAll = (...what) => {
      state.looks += 1
      return systemDisk.statAll(...what)
    }
    await tailing.start()
    await tailing.expectStored(first)
    state.unreadable = '/app.log'
    appendFileSync(tailing.path('app.log'), 'rest\n')
    await context.expect.poll(() => tailing.hasLogged('failed; will retry')).toBe(true)
    // Wait until a sweep has seen the new size of app.log and the next one has begun.
    const { looks } = state
    await context.expect.poll(() => state.looks).toBeGreaterThan(looks + 1)
    copyFileSync(tailing.path('app.log'), tailing.path('app.log.1'))
    copyFileSync(tailing.path('app.log'), tailing.path('app-other.log'))
    truncateSync(tailing.path('app.log'))
    appendFileSync(tailing.path('app.log'), 'after\n')
    if (unreadable !== '/app-other.log') rmSync(tailing.path('app-other.log'))
    state.unreadable = unreadable
    return { tailing, first, state }
  }

  /** The same with the rest itself unreadable; resolves once that has been logged. */
  async function cutWithUnreadableRest(context: TestContext) {
    const result = await cut(context, '/app.log.1')
    await context.expect.poll(() => result.tailing.hasLogged('cannot be read')).toBe(true)
    return result
  }

  test('is read once it becomes readable', async (context) => {
    const { tailing, first, state } = await cutWithUnreadableRest(context)
    state.unreadable = ''
    await tailing.expectStored([...first, 'rest', 'after'])
    context.expect(await tailing.counted('sluice_unread_bytes_total')).toBe(0)
  })

  test('is read once it becomes readable, after a restart', async (context) => {
    const { tailing, first, state } = await cutWithUnreadableRest(context)
    await tailing.stop()
    state.unreadable = ''
    await tailing.start()
    await tailing.expectStored([...first, 'rest', 'after'])
    context.expect(await tailing.counted('sluice_unread_bytes_total')).toBe(0)
  })

  test('is counted and logged if it is removed before it could be read', async (context) => {
    const { tailing, first } = await cutWithUnreadableRest(context)
    // It stays unreadable, since a sweep that has it open at this moment would otherwise still read it.
    rmSync(tailing.path('app.log.1'))
    await tailing.expectStored([...first, 'after'])
    await context.expect.poll(() => tailing.counted('sluice_unread_bytes_total')).toBe('rest\n'.length)
    context.expect(tailing.hasLogged('file was truncated or removed before')).toBe(true)
  })

  test('is found although another file beside it cannot be read', async (context) => {
    const { tailing, first } = await cut(context, '/app-other.log')
    await tailing.expectStored([...first, 'rest', 'after'])
  })
})

test('a generation that came and went between two sweeps is read even if the name has no new file', async (context) => {
  const tailing = new Tailing(context, 'app.log')
  // The clock runs twenty times as fast, to shorten the wait for quiet.
  tailing.clock = { ...systemClock, monotonicMs: () => 20 * systemClock.monotonicMs() }
  writeFileSync(tailing.path('app.log'), 'first\n')
  await tailing.start()
  await tailing.expectStored(['first'])
  renameSync(tailing.path('app.log'), tailing.path('app.log.2'))
  writeFileSync(tailing.path('app.log'), 'unseen\n')
  renameSync(tailing.path('app.log'), tailing.path('app.log.1'))
  await tailing.expectStored(['first', 'unseen'])
})

test('rotated files are not read twice while a file beside them cannot be read for lack of permission', async (context) => {
  const { tailing, first } = await stoppedBefore(context, 'more')
  renameSync(tailing.path('app.log'), tailing.path('app.log-20261120'))
  writeFileSync(tailing.path('app.log-20261121'), 'not for us\n')
  // A time of the last write in the future, so that each search for unseen generations finds it.
  utimesSync(tailing.path('app.log-20261121'), 2e9, 2e9)
  writeFileSync(tailing.path('app.log'), 'second\n')
  const pass = tailing.fastClock()
  let [opened, listed] = [0, 0]
  const disk = diskWithErrors((path) => path.endsWith('/app.log-20261121'), 'EACCES')
  tailing.disk = Object.assign(Object.create(disk) as Disk, {
    open: (...args: Parameters<Disk['open']>) => {
      if (String(args[0]).endsWith('/app.log-20261121')) opened += 1
      return disk.open(...args)
    },
    list: (...args: Parameters<Disk['list']>) => {
      listed += 1
      return disk.list(...args)
    },
  })
  await tailing.start()
  const stored = [...first, 'more', 'second']
  await tailing.expectStored(stored)
  await context.expect.poll(() => tailing.hasLogged('cannot be read')).toBe(true)
  for (const day of [22, 23, 24, 25]) {
    renameSync(tailing.path('app.log'), tailing.path(`app.log-202611${day}`))
    writeFileSync(tailing.path('app.log'), `after ${day}\n`)
    stored.push(`after ${day}`)
    await tailing.expectStored(stored)
  }
  // Wait until no rotated file is followed any more.
  await context.expect.poll(() => tailing.follows()).toBe(1)
  await pass(60_000)
  await tailing.expectStored(stored)
  // Each sweep tries to open the unreadable file once, however many files were rotated beside it.
  ;[opened, listed] = [0, 0]
  const { length } = tailing.lines
  await pass(60_000)
  context.expect(opened).toBeGreaterThan(0)
  context.expect(opened).toBeLessThanOrEqual(listed)
  context.expect(tailing.lines.length).toBe(length)
  await tailing.stop()
})
