// A limit on open files that is far below the number of followed and rotated files. The test disk reports it (`openMax`), since a
// real limit applies to the whole test process.

import { appendFileSync, closeSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { test } from 'vitest'
import { systemDisk, type Disk } from '../../common/disk.ts'
import { numbered, pathsOpenBelow, Tailing } from './tailing.ts'

const OPEN_MAX = 64
/** A quarter of the limit, and the file being read. */
const FOLLOWED_MAX = OPEN_MAX / 4 + 1

/** The real disk with this limit; calls `opening` with each path before it is opened. */
function limitedDisk(opening: (path: string) => void = () => {}): Disk {
  const disk: Disk = Object.create(systemDisk)
  return Object.assign(disk, {
    openMax: OPEN_MAX,
    open: async (...[path, how, mode]: Parameters<Disk['open']>) => {
      opening(path.toString())
      return systemDisk.open(path, how, mode)
    },
  })
}

/** Renames each of the `generation` files of `path` to its next number, and creates a new file. */
function rotate(path: string, generation: number): void {
  for (let i = generation; i > 1; i -= 1) renameSync(`${path}.${i - 1}`, `${path}.${i}`)
  renameSync(path, `${path}.1`)
  writeFileSync(path, `${path} after rotation ${generation}\n`)
}

test('no more files are open than the limit allows, and lines written to rotated files later are still stored', async (context) => {
  const { expect } = context
  const tailing = new Tailing(context, '*.log')
  let openMost = 0
  tailing.disk = limitedDisk(() => (openMost = Math.max(openMost, pathsOpenBelow(tailing.logs).length)))
  const paths = numbered('app', 40).map((name) => tailing.path(`${name.replace(' ', '-')}.log`))
  const stored: string[] = []
  for (const path of paths) writeFileSync(path, `${path} first\n`)
  stored.push(...paths.map((path) => `${path} first`))
  await tailing.start()
  await tailing.expectStored(stored)
  for (let generation = 1; generation <= 3; generation += 1) {
    for (const path of paths) rotate(path, generation)
    stored.push(...paths.map((path) => `${path} after rotation ${generation}`))
    await tailing.expectStored(stored)
  }
  for (const path of paths) {
    for (const rotated of [1, 2, 3].map((i) => `${path}.${i}`)) {
      appendFileSync(rotated, `late, to ${rotated}\n`)
      stored.push(`late, to ${rotated}`)
    }
  }
  await tailing.expectStored(stored)
  expect(openMost).toBeLessThanOrEqual(FOLLOWED_MAX)
  expect(await tailing.counted('sluice_rotated_closed_total')).toBeGreaterThan(0)
  expect(await tailing.counted('sluice_unread_bytes_total')).toBe(0)
})

test('a removed file stays open, however many others are opened, and is read to its end', async (context) => {
  const tailing = new Tailing(context, '*.log')
  tailing.disk = limitedDisk()
  const path = tailing.path('removed.log')
  writeFileSync(path, 'first\n')
  await tailing.start()
  await tailing.expectStored(['first'])
  const writer = openSync(path, 'a')
  context.onTestFinished(() => closeSync(writer))
  rmSync(path)
  const others = numbered('other', 60)
  for (const name of others) writeFileSync(tailing.path(`${name}.log`), `${name}\n`)
  await tailing.expectStored(['first', ...others])
  writeSync(writer, 'written when it was gone\n')
  await tailing.expectStored(['first', ...others, 'written when it was gone'])
})

test('files that are removed soon are held open until they are read, though far more of them come than may be open', async (context) => {
  const tailing = new Tailing(context, '*.log')
  const disk = limitedDisk()
  const passed = tailing.fastClock(100)
  tailing.disk = Object.assign(Object.create(disk) as Disk, {
    async open(...how: Parameters<Disk['open']>) {
      const file = await disk.open(...how)
      const close = file.close.bind(file)
      // Whoever does not hold it open does not see it again.
      return Object.assign(file, {
        close: () => (how[1] === 'read' && rmSync(how[0], { force: true }), close()),
      })
    },
  })
  await tailing.start()
  const stored: string[] = []
  for (const wave of numbered('wave', 12)) {
    const names = numbered(wave, FOLLOWED_MAX >> 2)
    for (const name of names) writeFileSync(tailing.path(`${name}.log`), `${name}\n`)
    stored.push(...names)
    await tailing.expectStored(stored)
    for (const name of names) rmSync(tailing.path(`${name}.log`))
    await passed(3_000)
  }
})

test('a descriptor that fails when it is to make room for others does not end the source', async (context) => {
  const { expect } = context
  const tailing = new Tailing(context, '*.log')
  const path = tailing.path('failing.log')
  const failed = { stat: 0, close: 0 }
  let isFailing = false
  const fail = (call: keyof typeof failed) => {
    failed[call] += 1
    return Promise.reject(Object.assign(new Error('ESTALE: planted'), { code: 'ESTALE' }))
  }
  const disk = limitedDisk()
  tailing.disk = Object.assign(Object.create(disk) as Disk, {
    async open(...how: Parameters<Disk['open']>) {
      const file = await disk.open(...how)
      const [stat, close] = [file.stat.bind(file), file.close.bind(file)]
      const isIts = how[0].toString() === path
      return Object.assign(file, {
        stat: () => (isFailing && isIts ? fail('stat') : stat()),
        close: () => close().then(() => (isFailing ? fail('close') : undefined)),
      })
    },
  })
  writeFileSync(path, 'first\n')
  await tailing.start()
  await tailing.expectStored(['first'])
  isFailing = true
  renameSync(path, `${path}.1`)
  const others = numbered('other', 60)
  for (const name of others) writeFileSync(tailing.path(`${name}.log`), `${name}\n`)
  await tailing.expectStored(['first', ...others])
  expect(failed.stat).toBeGreaterThan(0)
  expect(failed.close).toBeGreaterThan(0)
  await tailing.stop()
})

test('large unread rests that are found at a start are read with no more files open than the limit allows', async (context) => {
  const { expect } = context
  const tailing = new Tailing(context, '*.log')
  const names = numbered('app', 40)
  const path = (name: string) => tailing.path(`${name.replace(' ', '-')}.log`)
  for (const name of names) writeFileSync(path(name), `${name} first\n`)
  await tailing.start()
  await tailing.expectStored(names.map((name) => `${name} first`))
  await tailing.stop()
  // More than is read in one turn.
  const rest = numbered('rest', 4).map((line) => `${line} ${'.'.repeat(100_000)}`)
  for (const name of names) {
    appendFileSync(path(name), rest.map((line) => `${name} ${line}\n`).join(''))
    renameSync(path(name), `${path(name)}.1`)
  }
  let openMost = 0
  tailing.disk = limitedDisk(() => (openMost = Math.max(openMost, pathsOpenBelow(tailing.logs).length)))
  await tailing.start()
  await tailing.expectStored(names.flatMap((name) => [`${name} first`, ...rest.map((line) => `${name} ${line}`)]))
  expect(openMost).toBeLessThanOrEqual(FOLLOWED_MAX)
})

test('two sources share the limit on open files', async (context) => {
  const { expect } = context
  const disk = limitedDisk()
  const both = [new Tailing(context, '*.log'), new Tailing(context, '*.log')]
  for (const tailing of both) {
    tailing.disk = disk
    for (const name of numbered('app', 40)) writeFileSync(tailing.path(`${name}.log`), `${name}\n`)
    await tailing.start()
  }
  for (const tailing of both) await tailing.expectStored(numbered('app', 40))
  for (const tailing of both) {
    appendFileSync(tailing.path('app 7.log'), 'more\n')
    await tailing.expectStored([...numbered('app', 40), 'more'])
  }
  const open = both.flatMap(({ logs }) => pathsOpenBelow(logs))
  expect(open.length).toBeLessThanOrEqual(FOLLOWED_MAX + 1)
})

test('a lack of descriptors is logged rarely, and every line is stored once descriptors are available again', async (context) => {
  const { expect } = context
  const tailing = new Tailing(context, '*.log')
  const disk = limitedDisk()
  let out = false
  let refused = 0
  const outOfThem = () => {
    refused += 1
    return Promise.reject(Object.assign(new Error('too many open files'), { code: 'EMFILE' }))
  }
  tailing.disk = Object.assign(Object.create(disk) as Disk, {
    open: (...how: Parameters<Disk['open']>) => (out && how[1] === 'read' ? outOfThem() : disk.open(...how)),
    list: (folder: Parameters<Disk['list']>[0]) => (out ? outOfThem() : disk.list(folder)),
  })
  const paths = numbered('app', 40).map((name) => tailing.path(`${name.replace(' ', '-')}.log`))
  for (const path of paths) writeFileSync(path, `${path} first\n`)
  const stored = paths.map((path) => `${path} first`)
  await tailing.start()
  await tailing.expectStored(stored)
  out = true
  for (const path of paths) {
    appendFileSync(path, `${path} second\n`)
    rotate(path, 1)
    stored.push(`${path} second`, `${path} after rotation 1`)
  }
  await expect.poll(() => tailing.hasLogged('failed; will retry')).toBe(true)
  const before = refused
  await expect.poll(() => refused).toBeGreaterThan(before + 100)
  expect(tailing.lines.filter(({ text }) => text.includes('again')).length).toBeLessThan(5)
  out = false
  await tailing.expectStored(stored)
  expect(await tailing.counted('sluice_unread_bytes_total')).toBe(0)
})
