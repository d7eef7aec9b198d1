// Files that are renamed during a sweep: after their folder was listed, and before they are stat'ed or opened.

import { appendFileSync, copyFileSync, renameSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { expect, test } from 'vitest'
import { systemDisk, type Disk, type Path } from '../../common/disk.ts'
import { asLines, numbered, Tailing } from './tailing.ts'

const before = numbered('before', 100)
const unread = numbered('unread', 10)
const between = numbered('between', 100)
const after = numbered('after', 100)

/** The real disk, which calls `meanwhile` once, before the first `call` for a file of this name. */
function interrupted(call: 'stat' | 'open', name: string, meanwhile: () => void): Disk {
  let isOver = false
  const look = (path: Path) => {
    if (isOver || basename(path.toString()) !== name) return
    isOver = true
    meanwhile()
  }
  return {
    ...systemDisk,
    stat(path) {
      if (call === 'stat') look(path)
      return systemDisk.stat(path)
    },
    async statAll(folder, names, told) {
      for (const one of names) {
        if (call === 'stat') look(one)
        await systemDisk.statAll(folder, [one], told)
      }
    },
    open(path, how, mode) {
      if (call === 'open') look(path)
      return systemDisk.open(path, how, mode)
    },
  }
}

test.for([
  { what: 'before the stat of the rotated file', call: 'stat', name: 'app.log.1' },
  { what: 'before the rotated file is opened', call: 'open', name: 'app.log.1' },
  { what: 'before the stat of its successor', call: 'stat', name: 'app.log' },
  { what: 'before its successor is opened', call: 'open', name: 'app.log' },
] as const)('rotated while stopped, and again $what: every line is stored once', async ({ call, name }, context) => {
  const tailing = new Tailing(context, 'app.log')
  const at = (file: string) => tailing.path(file)
  writeFileSync(at('app.log'), asLines(before))
  await tailing.start()
  await tailing.expectStored(before)
  await tailing.stop()

  appendFileSync(at('app.log'), asLines(unread))
  renameSync(at('app.log'), at('app.log.1'))
  writeFileSync(at('app.log'), asLines(between))
  let isRotated = false
  tailing.disk = interrupted(call, name, () => {
    renameSync(at('app.log.1'), at('app.log.2'))
    renameSync(at('app.log'), at('app.log.1'))
    writeFileSync(at('app.log'), asLines(after))
    isRotated = true
  })
  await tailing.start()
  await tailing.expectStored([...before, ...unread, ...between, ...after])
  expect(isRotated).toBe(true)
  appendFileSync(at('app.log'), 'the end\n')
  await tailing.expectStored([...before, ...unread, ...between, ...after, 'the end'])
})

test('rotated at the very first start, after the listing and before the opening: all of it is read', async (context) => {
  const tailing = new Tailing(context, 'app.log')
  const at = (file: string) => tailing.path(file)
  writeFileSync(at('app.log'), asLines(before))
  // An old time of the last write, as for any file that exists at the first start: the time does not show that it was seen.
  utimesSync(at('app.log'), 1, 1)
  tailing.disk = interrupted('open', 'app.log', () => {
    renameSync(at('app.log'), at('app.log.1'))
    writeFileSync(at('app.log'), asLines(after))
  })
  await tailing.start()
  await tailing.expectStored([...before, ...after])
})

test('removed at the very first start, after the listing and before the opening: its bytes are counted and logged', async (context) => {
  const tailing = new Tailing(context, 'app.log')
  const at = (file: string) => tailing.path(file)
  writeFileSync(at('app.log'), asLines(before))
  tailing.disk = interrupted('open', 'app.log', () => {
    writeFileSync(at('app.log.new'), asLines(after))
    renameSync(at('app.log.new'), at('app.log'))
  })
  await tailing.start()
  await tailing.expectStored(after)
  const settings = { timeout: 20_000, interval: 10 }
  await expect.poll(() => tailing.counted('sluice_unread_bytes_total'), settings).toBe(asLines(before).length)
  expect(tailing.hasLogged('file was truncated or removed before all of it was read')).toBe(true)
})

test('rotated twice between two sweeps, the second of which finds no file of that name: every line is stored', async (context) => {
  const tailing = new Tailing(context, 'app.log')
  const at = (file: string) => tailing.path(file)
  let looks = 0
  let lookedMs = 0
  tailing.disk = {
    ...systemDisk,
    list(folder) {
      looks += 1
      lookedMs = Date.now()
      return systemDisk.list(folder)
    },
    statLink(path) {
      looks += 1
      lookedMs = Date.now()
      return systemDisk.statLink(path)
    },
    stat(path) {
      looks += 1
      lookedMs = Date.now()
      return systemDisk.stat(path)
    },
  }
  writeFileSync(at('app.log'), asLines(before))
  await tailing.start()
  await tailing.expectStored(before)
  const settings = { timeout: 20_000, interval: 10 }
  await expect.poll(() => Date.now() - lookedMs, settings).toBeGreaterThan(500)

  appendFileSync(at('app.log'), asLines(unread))
  renameSync(at('app.log'), at('app.log.2'))
  writeFileSync(at('app.log.1'), asLines(between))
  const written = new Date(Date.now() - 200)
  utimesSync(at('app.log.1'), written, written)
  looks = 0
  await tailing.expectStored([...before, ...unread])
  await expect.poll(() => looks, settings).toBeGreaterThan(0)
  await expect.poll(() => Date.now() - lookedMs, settings).toBeGreaterThan(100)

  writeFileSync(at('app.log'), asLines(after))
  await tailing.expectStored([...before, ...unread, ...between, ...after])
})

test('copied and truncated after the folder was listed and before the file is read: every line is stored once', async (context) => {
  const tailing = new Tailing(context, '*.log')
  const path = tailing.path('app.log')
  writeFileSync(path, asLines(before))
  writeFileSync(tailing.path('gone.log'), 'gone\n')
  await tailing.start()
  await tailing.expectStored([...before, 'gone'])
  await tailing.stop()
  // The search for the rest of the removed file makes the first sweep list the folder.
  rmSync(tailing.path('gone.log'))
  appendFileSync(path, asLines(unread))
  let isCut = false
  tailing.disk = {
    ...systemDisk,
    async open(opened, how, mode) {
      const file = await systemDisk.open(opened, how, mode)
      if (opened.toString() !== path) return file
      const read = file.read.bind(file)
      file.read = (...args) => {
        if (!isCut && tailing.hasLogged('file is gone')) {
          isCut = true
          copyFileSync(path, `${path}.1`)
          truncateSync(path)
          appendFileSync(path, 'anew\n')
        }
        return read(...args)
      }
      return file
    },
  }
  await tailing.start()
  await tailing.expectStored([...before, 'gone', ...unread, 'anew'])
  appendFileSync(path, 'last\n')
  await tailing.expectStored([...before, 'gone', ...unread, 'anew', 'last'])
})
