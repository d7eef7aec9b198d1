// Copies that `copytruncate` or a move to another disk makes of a followed file, seen at any moment: every line is stored once.

import { appendFileSync, closeSync, copyFileSync, mkdirSync, mkdtempSync, openSync, readFileSync } from 'node:fs'
import { renameSync, rmSync, truncateSync, unlinkSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'vitest'
import { systemDisk, type Path } from '../../common/disk.ts'
import { FakeClock } from '../fake/clock.ts'
import { asLines, numbered, Tailing } from './tailing.ts'

const before = numbered('before', 3_000)
const between = numbered('between', 30)
const after = numbered('after', 100)

interface Watched extends Tailing {
  /** Lets time pass until the source has begun to look for files again, and no further. */
  looks(): Promise<void>
  /** Lets time pass again, ten times as fast as usual. */
  go(): void
}

/** A source that follows `app.log`, and has read it. */
async function tailing(context: TestContext, pattern: string, options?: { also: string }): Promise<Watched> {
  const clock = new FakeClock(Date.now() * 1000)
  let isHeld = false
  const ticking = setInterval(() => void (isHeld || clock.pass(50)), 5)
  context.onTestFinished(() => clearInterval(ticking))
  let begun = 0
  const list = (folder: Path) => {
    begun += 1
    return systemDisk.list(folder)
  }
  const looks = async () => {
    const before = begun
    isHeld = false
    await context.expect.poll(() => begun, { timeout: 60_000, interval: 2 }).toBeGreaterThan(before)
    isHeld = true
  }
  const go = () => void (isHeld = false)
  const disk = { ...systemDisk, list }
  const tailing = Object.assign(new Tailing(context, pattern, options), { clock, disk, looks, go })
  writeFileSync(tailing.path('app.log'), asLines(before))
  await tailing.start()
  await tailing.expectStored(before)
  return tailing
}

const patterns = ['app.log', 'app.log*']

describe.concurrent.each(patterns)('copytruncate, pattern %s', (pattern) => {
  test('lines that are written and read after the copy was made and before the truncation', async (context) => {
    const source = await tailing(context, pattern)
    copyFileSync(source.path('app.log'), source.path('app.log.1'))
    appendFileSync(source.path('app.log'), asLines(between))
    await source.expectStored([...before, ...between])
    truncateSync(source.path('app.log'))
    appendFileSync(source.path('app.log'), asLines(after))
    await source.expectStored([...before, ...between, ...after])
    appendFileSync(source.path('app.log'), 'the end\n')
    await source.expectStored([...before, ...between, ...after, 'the end'])
  })

  test('a copy that is seen empty, and then half made', async (context) => {
    const source = await tailing(context, pattern)
    const copy = openSync(source.path('app.log.1'), 'w')
    const content = readFileSync(source.path('app.log'))
    await source.looks()
    for (const [from, to] of [
      [0, 8192],
      [8192, 16384],
      [16384, content.length],
    ]) {
      writeSync(copy, content.subarray(from, to))
      await source.looks()
    }
    closeSync(copy)
    source.go()
    truncateSync(source.path('app.log'))
    appendFileSync(source.path('app.log'), asLines(after))
    await source.expectStored([...before, ...after])
    appendFileSync(source.path('app.log'), 'the end\n')
    await source.expectStored([...before, ...after, 'the end'])
  })

  test('copied and truncated while sluice was stopped', async (context) => {
    const source = await tailing(context, pattern)
    await source.stop()
    appendFileSync(source.path('app.log'), asLines(between))
    copyFileSync(source.path('app.log'), source.path('app.log.1'))
    writeFileSync(source.path('app.log'), asLines(numbered('after', 5_000)))
    await source.start()
    await source.expectStored([...before, ...between, ...numbered('after', 5_000)])
    appendFileSync(source.path('app.log'), 'the end\n')
    await source.expectStored([...before, ...between, ...numbered('after', 5_000), 'the end'])
  })
})

test('a followed copy in another folder (olddir)', async (context) => {
  const source = await tailing(context, '**/app.log*')
  mkdirSync(source.path('old'))
  await source.looks()
  source.go()
  copyFileSync(source.path('app.log'), source.path('old/app.log.1'))
  truncateSync(source.path('app.log'))
  appendFileSync(source.path('app.log'), asLines(after))
  await source.expectStored([...before, ...after])
  appendFileSync(source.path('old/app.log.1'), 'late\n')
  await source.expectStored([...before, ...after, 'late'])
})

test('after a truncation without a copy, other lines below the same header are stored', async (context) => {
  const source = new Tailing(context, 'app.log*')
  const header = 'time;host;value'.padEnd(2000, ';')
  const stored = [header]
  writeFileSync(source.path('app.log'), asLines([header]))
  await source.start()
  await source.expectStored(stored)
  appendFileSync(source.path('app.log'), asLines(before))
  await source.expectStored((stored.push(...before), stored))
  writeFileSync(source.path('app.log'), asLines([header, ...between]))
  await source.expectStored((stored.push(header, ...between), stored))
})

test('found empty, killed when its first lines had just been stored, and truncated while sluice was stopped', async (context) => {
  const source = new Tailing(context, '*.log')
  const path = source.path('app.log')
  writeFileSync(path, '')
  await source.start()
  await context.expect.poll(() => source.follows()).toBe(1)
  let release = () => {}
  source.held = new Promise((resolve) => (release = resolve))
  appendFileSync(path, asLines(between))
  await context.expect.poll(() => source.offered, { timeout: 60_000 }).toBeGreaterThan(0)
  const killed = source.kill()
  release()
  await killed

  writeFileSync(path, asLines(after))
  await source.start()
  await source.expectStored([...between, ...after])
})

test('truncated and regrown to lines that end as those before did', async (context) => {
  const source = new Tailing(context, '*.log')
  const padded = (words: readonly string[]) => words.map((word) => `${word} ${'-'.repeat(100)}`)
  writeFileSync(source.path('app.log'), asLines(padded(['one', 'two'])))
  await source.start()
  await source.expectStored(padded(['one', 'two']))
  writeFileSync(source.path('app.log'), asLines(padded(['six', 'ten', 'extra'])))
  await source.expectStored(padded(['one', 'two', 'six', 'ten', 'extra']))
})

test('lines that replace the zeros behind the first ones continue a file', async (context) => {
  const source = new Tailing(context, '*.log')
  const path = source.path('app.log')
  writeFileSync(path, Buffer.concat([Buffer.from('one\n'), Buffer.alloc(5_000)]))
  await source.start()
  await source.expectStored(['one'])
  const file = openSync(path, 'r+')
  writeSync(file, 'two\n', 4)
  closeSync(file)
  await source.expectStored(['one', 'two'])
})

test('a file that begins like another one, whose name is not like its, is read at once', async (context) => {
  const source = await tailing(context, '*.log')
  writeFileSync(source.path('idle.log'), 'build log, format 1\n')
  await source.expectStored([...before, 'build log, format 1'])
  writeFileSync(source.path('build.log'), asLines(['build log, format 1', ...between]))
  await source.looks()
  await source.expectStored([...before, 'build log, format 1', 'build log, format 1', ...between])
  source.go()
})

test('a generation that nobody has seen is read although it begins like another file', async (context) => {
  const source = new Tailing(context, '*.log')
  const stored = ['first', 'time;value']
  writeFileSync(source.path('app.log'), 'first\n')
  writeFileSync(source.path('idle.log'), 'time;value\n')
  await source.start()
  await source.expectStored(stored)
  await source.stop()
  for (const [name, lines] of [
    ['app.log.2', between],
    ['app.log.1', after],
  ] as const) {
    renameSync(source.path('app.log'), source.path(name))
    writeFileSync(source.path('app.log'), asLines(['time;value', ...lines]))
    stored.push('time;value', ...lines)
  }
  await source.start()
  await source.expectStored(stored)
})

test('a temporary file from which the file is rewritten', async (context) => {
  const source = await tailing(context, '*.log*')
  const content = Buffer.concat([readFileSync(source.path('app.log')), Buffer.from(asLines(after))])
  writeFileSync(source.path('.app.log.Xy12z'), content.subarray(0, 16384))
  await source.looks()
  appendFileSync(source.path('.app.log.Xy12z'), content.subarray(16384))
  await source.looks()
  renameSync(source.path('.app.log.Xy12z'), source.path('app.log'))
  source.go()
  await source.expectStored([...before, ...after])
  appendFileSync(source.path('app.log'), 'the end\n')
  await source.expectStored([...before, ...after, 'the end'])
})

// Another file system is needed; without /dev/shm the test has nothing to do.
test('a file that is moved to another disk', async (context) => {
  let disk: string
  try {
    disk = mkdtempSync('/dev/shm/sluice-moved-')
  } catch {
    return context.skip('no second file system')
  }
  context.onTestFinished(() => rmSync(disk, { recursive: true }))
  const source = await tailing(context, '*.log', { also: join(disk, '*.log') })
  copyFileSync(source.path('app.log'), join(disk, 'app.log'))
  await source.looks()
  unlinkSync(source.path('app.log'))
  source.go()
  appendFileSync(join(disk, 'app.log'), asLines(after))
  await source.expectStored([...before, ...after])
})
