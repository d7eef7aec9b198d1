// If the kernel gives no inotify watches, the sweep alone finds everything, and one log line says why that takes seconds.

import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FSWatcher } from 'chokidar'
import { afterAll, beforeAll, test, vi } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { FolderWatch } from '../../shipper/tail/watch.ts'
import { fakeLog } from '../fake/log.ts'
import { asLines, numbered, Tailing } from './tailing.ts'

const { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } = fs

/** The error that `fs.watch` throws for a folder, as Node makes it from the errno of inotify; undefined if watches are available. */
let refusal: { readonly code: string; readonly errno: number; readonly text: string } | undefined
let asked: string[] = []

const { watch } = fs

beforeAll(() => {
  fs.watch = ((path: string, ...rest: never[]) => {
    asked.push(path)
    if (!refusal) return watch(path, ...rest)
    const { code, errno, text } = refusal
    const about = { errno, syscall: 'watch', code, path, filename: path }
    throw Object.assign(new Error(`${code}: ${text}, watch '${path}'`), about)
  }) as typeof fs.watch
  syncBuiltinESMExports()
})

afterAll(() => {
  fs.watch = watch
  syncBuiltinESMExports()
})

const refusals = [
  { code: 'ENOSPC', errno: -28, text: 'System limit for number of file watchers reached', raise: 'max_user_watches' },
  { code: 'EMFILE', errno: -24, text: 'too many open files', raise: 'max_user_instances' },
]

for (const { raise, ...shape } of refusals) {
  test(`${shape.code} from inotify: the sweep finds everything, and one log line names ${raise}`, async (context) => {
    const { expect } = context
    refusal = shape
    asked = []
    const tailing = new Tailing(context, '**/*.log')
    for (const folder of ['a', 'b', 'c']) mkdirSync(tailing.path(folder))
    writeFileSync(tailing.path('a/one.log'), asLines(numbered('first', 20)))
    await tailing.start()
    await tailing.expectStored(numbered('first', 20))
    // Reading does not wait for the watches.
    await expect.poll(() => asked.length).toBeGreaterThan(0)
    appendFileSync(tailing.path('a/one.log'), asLines(numbered('more', 20)))
    renameSync(tailing.path('a/one.log'), tailing.path('a/one.log.1'))
    writeFileSync(tailing.path('a/one.log'), asLines(numbered('rotated', 20)))
    mkdirSync(tailing.path('later/below'), { recursive: true })
    writeFileSync(tailing.path('later/below/two.log'), asLines(numbered('later', 20)))
    const all = ['first', 'more', 'rotated', 'later'].flatMap((name) => numbered(name, 20))
    await tailing.expectStored(all)
    truncateSync(tailing.path('a/one.log'))
    appendFileSync(tailing.path('a/one.log'), 'after\n')
    await tailing.expectStored([...all, 'after'])
    const warnings = tailing.lines.filter(({ text }) => text.startsWith('cannot watch folders'))
    expect(warnings.length).toBe(1)
    expect(warnings[0].text).toContain(`fs.inotify.${raise}`)
    expect(warnings[0].values['reason']).toContain(shape.code)
  })
}

test('a folder that could not be watched is watched once watches are available', async (context) => {
  const { expect } = context
  refusal = refusals[0]
  asked = []
  const tailing = new Tailing(context, '*.log')
  let aheadMs = 0
  tailing.clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs }
  writeFileSync(tailing.path('a.log'), 'first\n')
  await tailing.start()
  await tailing.expectStored(['first'])
  await expect.poll(() => asked.length).toBe(1)
  refusal = undefined
  aheadMs = 60_000
  await expect.poll(() => asked.length).toBe(2)
  expect(asked).toEqual([tailing.logs, tailing.logs])
})

test('folders that came and went leave nothing behind in the watcher', async ({ expect, onTestFinished }) => {
  refusal = undefined
  asked = []
  const base = mkdtempSync(join(tmpdir(), 'sluice-watch-'))
  const add = vi.spyOn(FSWatcher.prototype, 'add')
  const watch = new FolderWatch(fakeLog(), systemClock)
  onTestFinished(async () => {
    add.mockRestore()
    await watch.stop()
    rmSync(base, { recursive: true })
  })
  watch.start(() => {})
  for (let i = 0; i < 20; i += 1) {
    const pod = `${base}/pod-${i}`
    mkdirSync(pod)
    const folders = [base, pod].map((folder) => [folder, `inode of ${folder}`] as const)
    watch.follow(new Map(folders))
    await expect.poll(() => asked, { timeout: 20_000, interval: 5 }).toContain(pod)
    rmSync(pod, { recursive: true })
    watch.follow(new Map(folders.slice(0, 1)))
  }
  const watcher = add.mock.contexts[0] as FSWatcher
  // Only those of the last folder are left.
  const ignored = [...watcher._ignoredPaths]
    .map((each) => JSON.stringify(each))
    .filter((text) => text.includes('/pod-'))
  expect(ignored.filter((text) => !text.includes('/pod-19"'))).toEqual([])
  expect([...watcher._watched.keys()].filter((each) => each.includes('/pod-'))).toEqual([`${base}/pod-19`])
})
