// Files that cannot be read for a while, or come and go unseen: each line is stored once all the same.

import { appendFileSync, copyFileSync, renameSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { describe, test, type TestContext } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { systemDisk, type Disk } from '../../common/disk.ts'
import { HEAD_BYTES } from '../../shipper/tail/fingerprint.ts'
import { asLines, numbered, Tailing } from './tailing.ts'

const TIMEOUT = { timeout: 20_000, interval: 20 }

/** The real disk, where `fails` is asked before each read of so many bytes of a file that was opened under this path. */
function diskWithErrors(fails: (path: string, bytes: number) => boolean, code = 'EIO'): Disk {
  const disk: Disk = Object.create(systemDisk)
  disk.open = async (path, how, mode) => {
    const file = await systemDisk.open(path, how, mode)
    const wrapped = Object.create(file) as typeof file
    for (const name of ['write', 'sync', 'truncate', 'stat', 'setOwner', 'close'] as const) {
      Object.assign(wrapped, { [name]: (file[name] as (...args: never[]) => unknown).bind(file) })
    }
    wrapped.read = (...args) =>
      how === 'read' && fails(String(path), args[2])
        ? Promise.reject(Object.assign(new Error(code), { code }))
        : file.read(...args)
    return wrapped
  }
  return disk
}

/** Once `value` is true, each call on the first descriptor of app.log fails; `open` tells whether that is open. */
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

/** A source that has stored the first lines of app.log and was stopped before this one came. */
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

describe.concurrent('a file that cannot be read', () => {
  test.for([1, 2, 3, 4, 5])('after a restart, where read %i fails: it goes on where it was', async (fails, context) => {
    const { tailing, first } = await stoppedBefore(context, 'more')
    let reads = 0
    tailing.disk = diskWithErrors((path) => path.endsWith('/app.log') && ++reads === fails)
    await tailing.start()
    await tailing.expectStored([...first, 'more'])
    appendFileSync(tailing.path('app.log'), 'last\n')
    await tailing.expectStored([...first, 'more', 'last'])
  })

  test.for([1, 2, 3, 4, 5, 6, 7])(
    'after a restart, under the name it was rotated to, where read %i fails: it goes on where it was',
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

  test('under the name it was rotated to, holds no descriptor between two looks', async (context) => {
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
    await context.expect.poll(() => looked, TIMEOUT).toBeGreaterThan(3)
    await context.expect.poll(() => open, TIMEOUT).toBeLessThan(2)
    isUnreadable = false
    await tailing.expectStored([...first, 'more', 'next'])
  }, 40_000)

  test.for(['EIO', 'ESTALE'])('by the descriptor that it has (%s), is opened again', async (code, context) => {
    const tailing = new Tailing(context, 'app.log')
    const isDead = dyingDescriptors(tailing, code)
    writeFileSync(tailing.path('app.log'), 'first\n')
    await tailing.start()
    await tailing.expectStored(['first'])
    isDead.value = true
    appendFileSync(tailing.path('app.log'), 'second\n')
    await tailing.expectStored(['first', 'second'])
  })

  test('by a descriptor that the server of a network file system knows no more, is let go of', async (context) => {
    const tailing = new Tailing(context, 'app.log')
    const isDead = dyingDescriptors(tailing, 'ESTALE')
    writeFileSync(tailing.path('app.log'), 'first\n')
    await tailing.start()
    await tailing.expectStored(['first'])
    writeFileSync(tailing.path('new'), 'second\n')
    isDead.value = true
    renameSync(tailing.path('new'), tailing.path('app.log'))
    await tailing.expectStored(['first', 'second'])
    await context.expect.poll(() => isDead.open, TIMEOUT).toBe(0)
  }, 40_000)

  test('an old file that this user may not read makes nothing new of what was rotated before the first start', async (context) => {
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
  }, 40_000)

  test('keeps others from being let go of for an hour, and no longer', async (context) => {
    const { expect } = context
    const tailing = new Tailing(context, '*.log')
    const passes = tailing.hurry()
    for (const name of ['bad.log', 'app.log']) writeFileSync(tailing.path(name), `${name}\n`)
    tailing.disk = diskWithErrors((path) => path.endsWith('/bad.log'))
    await tailing.start()
    await tailing.expectStored(['app.log'])
    // What is made now was written to after the last whole look, until there is another.
    await passes(60_000)
    appendFileSync(tailing.path('app.log'), 'more\n')
    await tailing.expectStored(['app.log', 'more'])
    rmSync(tailing.path('app.log'))
    await passes(10 * 60_000)
    expect(await tailing.follows()).toBe(1)
    await passes(60 * 60_000)
    await expect.poll(() => tailing.follows(), TIMEOUT).toBe(0)
    await tailing.stop()
  }, 60_000)

  test('keeps no other from being found', async (context) => {
    const tailing = new Tailing(context, '*.log')
    writeFileSync(tailing.path('a.log'), 'a\n')
    writeFileSync(tailing.path('b.log'), 'b\n')
    tailing.disk = diskWithErrors((path) => path.endsWith('/a.log'))
    await tailing.start()
    await tailing.expectStored(['b'])
    context.expect(tailing.said('cannot be read')).toBe(true)
  })

  test('and is rotated before it could be, is read under its new name', async (context) => {
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
    // Each look tries it once. After whole looks more it was there long before the next one.
    await context.expect.poll(() => failed, TIMEOUT).toBeGreaterThan(2)
    context.expect(tailing.said('cannot be read')).toBe(true)
    renameSync(tailing.path('app.log'), tailing.path('app.log.1'))
    isUnreadable = false
    writeFileSync(tailing.path('app.log'), 'second\n')
    await tailing.expectStored([...numbered('first', 50), 'second'])
  }, 40_000)

  test('after a restart, and is rotated before it could be: it goes on where it was', async (context) => {
    const { tailing, first } = await stoppedBefore(context, 'more')
    let isUnreadable = true
    tailing.disk = diskWithErrors((path) => isUnreadable && path.endsWith('/app.log'))
    await tailing.start()
    await context.expect.poll(() => tailing.said('cannot be read'), TIMEOUT).toBe(true)
    renameSync(tailing.path('app.log'), tailing.path('app.log.1'))
    isUnreadable = false
    writeFileSync(tailing.path('app.log'), 'second\n')
    await tailing.expectStored([...first, 'more', 'second'])
  }, 40_000)
})

test('a rest that cannot be read at a start is read once it can', async (context) => {
  const { tailing, first } = await stoppedBefore(context, 'more')
  renameSync(tailing.path('app.log'), tailing.path('app.log.1'))
  writeFileSync(tailing.path('app.log'), 'second\n')
  let isUnreadable = true
  tailing.disk = diskWithErrors((path) => isUnreadable && path.endsWith('/app.log.1'))
  await tailing.start()
  await tailing.expectStored([...first, 'second'])
  context.expect(tailing.said('cannot be read')).toBe(true)
  context.expect(tailing.said('file is gone')).toBe(false)
  isUnreadable = false
  await tailing.expectStored([...first, 'second', 'more'])
}, 40_000)

describe.concurrent('the unread rest of a file that was copied and cut', () => {
  test('before anything of it could be read, is found, and what is there now is another file', async (context) => {
    const tailing = new Tailing(context, 'app.log')
    let [isUnreadable, failed] = [true, 0]
    // What tells files apart can be read, lines cannot.
    tailing.disk = diskWithErrors((path, bytes) => {
      const fails = isUnreadable && path.endsWith('/app.log') && bytes > HEAD_BYTES
      if (fails) failed += 1
      return fails
    })
    writeFileSync(tailing.path('app.log'), asLines(numbered('first', 5)))
    await tailing.start()
    await context.expect.poll(() => failed, TIMEOUT).toBeGreaterThan(0)
    copyFileSync(tailing.path('app.log'), tailing.path('app.log.1'))
    truncateSync(tailing.path('app.log'))
    appendFileSync(tailing.path('app.log'), asLines(numbered('second', 50)))
    isUnreadable = false
    await tailing.expectStored([...numbered('first', 5), ...numbered('second', 50)])
  }, 40_000)

  test('is no copy of what came behind it, when it is found again after it was killed', async (context) => {
    const tailing = new Tailing(context, 'app.log')
    const first = numbered('first', 200)
    writeFileSync(tailing.path('app.log'), asLines(first))
    await tailing.start()
    await tailing.expectStored(first)
    copyFileSync(tailing.path('app.log'), tailing.path('app.log.1'))
    truncateSync(tailing.path('app.log'))
    await context.expect.poll(() => tailing.said('found the unread rest'), TIMEOUT).toBe(true)
    await tailing.kill()
    await tailing.start()
    appendFileSync(tailing.path('app.log'), 'second\n')
    await tailing.expectStored([...first, 'second'])
  }, 40_000)

  /** It is in app.log.1, while what ends like this cannot be read. */
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
    await context.expect.poll(() => tailing.said('failed; will retry'), TIMEOUT).toBe(true)
    // Until a look has seen how large it is, and the next one has begun.
    const { looks } = state
    await context.expect.poll(() => state.looks, TIMEOUT).toBeGreaterThan(looks + 1)
    copyFileSync(tailing.path('app.log'), tailing.path('app.log.1'))
    copyFileSync(tailing.path('app.log'), tailing.path('app-other.log'))
    truncateSync(tailing.path('app.log'))
    appendFileSync(tailing.path('app.log'), 'after\n')
    if (unreadable !== '/app-other.log') rmSync(tailing.path('app-other.log'))
    state.unreadable = unreadable
    return { tailing, first, state }
  }

  /** The same, where it is the rest itself, once that has been said. */
  async function cutAndSaid(context: TestContext) {
    const there = await cut(context, '/app.log.1')
    await context.expect.poll(() => there.tailing.said('cannot be read'), TIMEOUT).toBe(true)
    return there
  }

  test('is read once it can be', async (context) => {
    const { tailing, first, state } = await cutAndSaid(context)
    state.unreadable = ''
    await tailing.expectStored([...first, 'rest', 'after'])
    context.expect(await tailing.counted('sluice_unread_bytes_total')).toBe(0)
  }, 40_000)

  test('is read once it can be, also after a restart', async (context) => {
    const { tailing, first, state } = await cutAndSaid(context)
    await tailing.stop()
    state.unreadable = ''
    await tailing.start()
    await tailing.expectStored([...first, 'rest', 'after'])
    context.expect(await tailing.counted('sluice_unread_bytes_total')).toBe(0)
  }, 40_000)

  test('is counted and said where it is removed before it could be read', async (context) => {
    const { tailing, first } = await cutAndSaid(context)
    // It stays unreadable: a look that has it open just now would still read it.
    rmSync(tailing.path('app.log.1'))
    await tailing.expectStored([...first, 'after'])
    await context.expect.poll(() => tailing.counted('sluice_unread_bytes_total'), TIMEOUT).toBe('rest\n'.length)
    context.expect(tailing.said('file was truncated or removed before')).toBe(true)
  }, 40_000)

  test('is found, whatever is beside it and cannot be read', async (context) => {
    const { tailing, first } = await cut(context, '/app-other.log')
    await tailing.expectStored([...first, 'rest', 'after'])
  }, 40_000)
})

test('a file that came and went between two looks, and nothing behind it, is read', async (context) => {
  const tailing = new Tailing(context, 'app.log')
  // Quiet is over twenty times as soon.
  tailing.clock = { ...systemClock, monotonicMs: () => 20 * systemClock.monotonicMs() }
  writeFileSync(tailing.path('app.log'), 'first\n')
  await tailing.start()
  await tailing.expectStored(['first'])
  renameSync(tailing.path('app.log'), tailing.path('app.log.2'))
  writeFileSync(tailing.path('app.log'), 'unseen\n')
  renameSync(tailing.path('app.log'), tailing.path('app.log.1'))
  await tailing.expectStored(['first', 'unseen'])
}, 40_000)

test('what was read and rotated comes once, however long something beside it may not be read', async (context) => {
  const { tailing, first } = await stoppedBefore(context, 'more')
  renameSync(tailing.path('app.log'), tailing.path('app.log-20261120'))
  writeFileSync(tailing.path('app.log-20261121'), 'not for us\n')
  // It is written to all the time: each look for what came between finds it.
  utimesSync(tailing.path('app.log-20261121'), 2e9, 2e9)
  writeFileSync(tailing.path('app.log'), 'second\n')
  const pass = tailing.hurry()
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
  await context.expect.poll(() => tailing.said('cannot be read'), TIMEOUT).toBe(true)
  for (const day of [22, 23, 24, 25]) {
    renameSync(tailing.path('app.log'), tailing.path(`app.log-202611${day}`))
    writeFileSync(tailing.path('app.log'), `after ${day}\n`)
    stored.push(`after ${day}`)
    await tailing.expectStored(stored)
  }
  // Until all that was rotated has been let go of.
  await context.expect.poll(() => tailing.follows(), TIMEOUT).toBe(1)
  await pass(60_000)
  await tailing.expectStored(stored)
  // It is asked for once with each look, however many were rotated beside it.
  ;[opened, listed] = [0, 0]
  const { length } = tailing.lines
  await pass(60_000)
  context.expect(opened).toBeGreaterThan(0)
  context.expect(opened).toBeLessThanOrEqual(listed)
  context.expect(tailing.lines.length).toBe(length)
  await tailing.stop()
}, 60_000)
