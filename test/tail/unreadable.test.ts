// Files that cannot be read for a while, or come and go unseen: each line is stored once all the same.

import { appendFileSync, renameSync, writeFileSync } from 'node:fs'
import { describe, test, type TestContext } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { systemDisk, type Disk } from '../../common/disk.ts'
import { asLines, numbered, Tailing } from './tailing.ts'

const TIMEOUT = { timeout: 20_000, interval: 20 }

/** The real disk, where `fails` is asked before each read of a file that was opened under this path. */
function diskWithErrors(fails: (path: string) => boolean): Disk {
  const disk: Disk = Object.create(systemDisk)
  disk.open = async (path, how, mode) => {
    const file = await systemDisk.open(path, how, mode)
    const wrapped = Object.create(file) as typeof file
    for (const name of ['write', 'sync', 'truncate', 'stat', 'setOwner', 'close'] as const) {
      Object.assign(wrapped, { [name]: (file[name] as (...args: never[]) => unknown).bind(file) })
    }
    wrapped.read = (...args) =>
      how === 'read' && fails(String(path))
        ? Promise.reject(Object.assign(new Error('i/o error'), { code: 'EIO' }))
        : file.read(...args)
    return wrapped
  }
  return disk
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
