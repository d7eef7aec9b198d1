// What files and disks do to the one who follows them: stalled destinations, missing permissions, many files, failing syncs.

import {
  appendFileSync,
  copyFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { describe, test } from 'vitest'
import { systemDisk, type Disk } from '../../common/disk.ts'
import { FOLLOWED_OPEN_MAX } from '../../common/limits.ts'
import { asLines, numbered, Tailing } from './tailing.ts'

const TIMEOUT = { timeout: 20_000, interval: 20 }

/** The real disk, where `fails` says which files cannot be opened to be read. */
function failingDisk(fails: (path: string) => boolean): Disk {
  const disk: Disk = Object.create(systemDisk)
  disk.open = (path, how, mode) =>
    how === 'read' && fails(path.toString())
      ? Promise.reject(Object.assign(new Error('permission denied'), { code: 'EACCES' }))
      : systemDisk.open(path, how, mode)
  return disk
}

/** Writes are open until it is called with nothing, or given back with an error. */
function hold(tailing: Tailing): { go(): void; giveBack(): void } {
  let resolve = () => {}
  let reject: (error: Error) => void = () => {}
  tailing.held = new Promise<void>((yes, no) => ([resolve, reject] = [yes, no]))
  const end = () => (tailing.held = undefined)
  return {
    go: () => [end(), resolve()],
    giveBack: () => [end(), reject(new Error('not stored'))],
  }
}

describe.concurrent('a destination that stalls', () => {
  for (const end of ['go', 'giveBack'] as const) {
    test(`a file that is copied and cut while writes are open, then ${end}`, async (context) => {
      const tailing = new Tailing(context, 'app.log')
      const first = numbered('first', 50)
      writeFileSync(tailing.path('app.log'), asLines(first))
      await tailing.start()
      await tailing.expectStored(first)
      const held = hold(tailing)
      const open = numbered('open', 50)
      appendFileSync(tailing.path('app.log'), asLines(open))
      await context.expect.poll(() => tailing.offered, TIMEOUT).toBeGreaterThan(1)
      const unread = numbered('unread', 50)
      appendFileSync(tailing.path('app.log'), asLines(unread))
      copyFileSync(tailing.path('app.log'), tailing.path('app.log.1'))
      truncateSync(tailing.path('app.log'))
      appendFileSync(tailing.path('app.log'), 'after\n')
      await context.expect.poll(() => tailing.said('found the unread rest'), TIMEOUT).toBe(true)
      held[end]()
      await tailing.expectStored([...first, ...open, ...unread, 'after'])
      await tailing.stop()
      await tailing.start()
      appendFileSync(tailing.path('app.log'), 'the end\n')
      await tailing.expectStored([...first, ...open, ...unread, 'after', 'the end'])
    }, 40_000)
  }
})

describe.concurrent('a disk that fails', () => {
  test('a file that cannot be read after a restart goes on where it was once it can', async (context) => {
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
    await context.expect.poll(() => tailing.said('cannot be read'), TIMEOUT).toBe(true)
    denied = false
    await tailing.expectStored([...numbered('first', 50), 'b', 'more'])
  }, 40_000)

  test('a file that was away for two starts goes on where it was', async (context) => {
    const tailing = new Tailing(context, '*.log')
    writeFileSync(tailing.path('a.log'), asLines(numbered('first', 50)))
    await tailing.start()
    await tailing.expectStored(numbered('first', 50))
    await tailing.stop()
    renameSync(tailing.path('a.log'), `${tailing.logs}.away`)
    context.onTestFinished(() => rmSync(`${tailing.logs}.away`, { force: true }))
    for (let turn = 0; turn < 2; turn += 1) {
      await tailing.start()
      await context.expect.poll(() => tailing.said('file is gone'), TIMEOUT).toBe(true)
      await tailing.stop()
    }
    await tailing.start()
    renameSync(`${tailing.logs}.away`, tailing.path('a.log'))
    appendFileSync(tailing.path('a.log'), 'more\n')
    await tailing.expectStored([...numbered('first', 50), 'more'])
  }, 40_000)
})

describe('many files', () => {
  test('five thousand are followed with a bounded number of descriptors', async (context) => {
    const { expect } = context
    const tailing = new Tailing(context, '*.log')
    const name = (i: number) => tailing.path(`${i}.log`)
    for (let i = 0; i < 5000; i += 1) writeFileSync(name(i), `first ${i}\n`)
    await tailing.start()
    await tailing.expectStored(numbered('first', 5000))
    await expect.poll(() => openBelow(tailing.logs), TIMEOUT).toBeLessThanOrEqual(FOLLOWED_OPEN_MAX)
    for (let i = 0; i < 5000; i += 1) appendFileSync(name(i), `second ${i}\n`)
    const all = [...numbered('first', 5000), ...numbered('second', 5000)]
    await tailing.expectStored(all)
    await tailing.stop()
    appendFileSync(name(4711), 'third\n')
    await tailing.start()
    await tailing.expectStored([...all, 'third'])
    expect(openBelow(tailing.logs)).toBeLessThanOrEqual(FOLLOWED_OPEN_MAX + 1)
  }, 60_000)
})

/** Descriptors of this process on files below a folder. */
function openBelow(folder: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(`${folder}/`)
    } catch {
      return false // it was that of the listing
    }
  }).length
}
