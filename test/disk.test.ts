// The system's disk, where it decides for itself how to ask: at once or through the pool.

import fs, {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemDisk } from '../common/disk.ts'
import { errnoOf } from '../common/fault.ts'
import { pathsOpenBelow } from './tail/tailing.ts'

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-disk-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** What `statAll` tells, by name. */
async function told(folder: string, names: readonly Buffer[]) {
  const all = new Map<string, unknown>()
  await systemDisk.statAll(Buffer.from(folder), names, (name, stat, error) => {
    all.set(name.toString('latin1'), error === undefined ? stat : errnoOf(error))
  })
  return all
}

test('statAll: each name is told once: files, folders, links, what is not there, and what cannot be looked at', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'file'), 'four')
  mkdirSync(join(folder, 'folder'))
  symlinkSync('file', join(folder, 'link'))
  symlinkSync('nowhere', join(folder, 'broken'))
  symlinkSync('loop', join(folder, 'loop'))
  const name = Buffer.from([0x66, 0xff, 0xfe])
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), name]), 'not UTF-8')
  const names = [...['file', 'folder', 'link', 'broken', 'loop', 'missing'].map((text) => Buffer.from(text)), name]
  // The second time the file system's kind is known.
  for (const stats of [await told(folder, names), await told(folder, names)]) {
    expect(stats.size).toBe(names.length)
    expect(stats.get('file')).toMatchObject({ kind: 'file', size: 4 })
    expect(stats.get('folder')).toMatchObject({ kind: 'folder' })
    expect(stats.get('link')).toEqual(stats.get('file'))
    expect(stats.get('broken')).toBeUndefined()
    expect(stats.get('loop')).toBe('ELOOP')
    expect(stats.get('missing')).toBeUndefined()
    expect(stats.get(name.toString('latin1'))).toMatchObject({ kind: 'file', size: 9 })
  }
})

test('statAll: more names than are asked for at once', async () => {
  const folder = temporaryFolder()
  const names = Array.from({ length: 1000 }, (_, i) => Buffer.from(String(i)))
  for (const name of names.slice(500)) writeFileSync(join(folder, name.toString()), name)
  const stats = await told(folder, names)
  expect([...stats.values()].filter((stat) => stat !== undefined)).toHaveLength(500)
  expect([...stats.keys()]).toEqual(names.map(String))
})

test('a read is whole, whatever part of it is read at once', async () => {
  const path = join(temporaryFolder(), 'file')
  const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, i) => i % 251))
  writeFileSync(path, bytes)
  // Opened twice: the second time the file system's kind is known.
  for (let time = 0; time < 2; time += 1) {
    const file = await systemDisk.open(path, 'read')
    const into = Buffer.alloc(400_000)
    for (const [position, length] of [
      [0, 10],
      [0, 65_536],
      [1, 65_537],
      [100_000, 99_999],
      [0, 200_000],
      [0, 300_000],
      [199_999, 70_000],
      [200_000, 1],
    ]) {
      const read = await file.read(into, 7, length, position)
      expect(read).toBe(Math.min(length, bytes.length - position))
      expect(into.subarray(7, 7 + read).equals(bytes.subarray(position, position + read))).toBe(true)
    }
    await file.close()
  }
})

test('what was written just now is read, and the size is that of now', async () => {
  const path = join(temporaryFolder(), 'file')
  writeFileSync(path, '')
  const file = await systemDisk.open(path, 'read')
  const into = Buffer.alloc(100)
  expect(await file.read(into, 0, 100, 0)).toBe(0)
  appendFileSync(path, 'a line\n')
  expect(await file.read(into, 0, 100, 0)).toBe(7)
  expect((await file.stat()).size).toBe(7)
  await file.close()
  await expect(file.read(into, 0, 100, 0)).rejects.toMatchObject({ code: 'EBADF' })
})

test('a file whose stat fails is closed, and the open is rejected', async () => {
  const folder = temporaryFolder()
  const { fstatSync } = fs
  const replace = (stat: unknown) => {
    fs.fstatSync = stat as typeof fstatSync
    syncBuiltinESMExports()
  }
  onTestFinished(() => replace(fstatSync))
  replace(() => {
    throw Object.assign(new Error('ESTALE: planted'), { code: 'ESTALE' })
  })
  await expect(systemDisk.open(join(folder, 'file'), 'append')).rejects.toMatchObject({ code: 'ESTALE' })
  expect(pathsOpenBelow(folder)).toEqual([])
})

test('folders on the way are made, and the first of them is told', async () => {
  const folder = temporaryFolder()
  expect(await systemDisk.makeFolder(join(folder, 'a/b/c'))).toBe(join(folder, 'a'))
  expect(await systemDisk.makeFolder(join(folder, 'a/b/c'))).toBeUndefined()
  expect(await systemDisk.makeFolder(join(folder, 'a/b/d'))).toBe(join(folder, 'a/b/d'))
  symlinkSync('a', join(folder, 'link'))
  expect(await systemDisk.makeFolder(join(folder, 'link'))).toBeUndefined()
  const both = [join(folder, 'x/y'), join(folder, 'x/z')]
  await Promise.all(both.map((path) => systemDisk.makeFolder(path)))
  expect(both.map((path) => statSync(path).isDirectory())).toEqual([true, true])
})

test('a folder that cannot be made is an error at once, also where a file system knows no new folders', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'file'), '')
  symlinkSync('nowhere', join(folder, 'broken'))
  const errorOf = (path: string) => systemDisk.makeFolder(path).then(() => 'made', errnoOf)
  expect(await errorOf(join(folder, 'file'))).toBe('ENOTDIR')
  expect(await errorOf(join(folder, 'file/below'))).toBe('ENOTDIR')
  expect(await errorOf(join(folder, 'file/below'))).toBe('ENOTDIR')
  expect(await errorOf(join(folder, 'broken/below'))).toBe('EEXIST')
  // mkdir(2) says ENOENT below /proc for what is not there, and /proc itself is.
  if (existsSync('/proc/self')) expect(await errorOf('/proc/sluice-nowhere/below')).toBe('ENOENT')
})
