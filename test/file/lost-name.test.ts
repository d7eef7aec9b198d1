// Files that are renamed or removed by somebody else while they are written to: no line is lost with them.

import { renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import type { FileDestination } from '../../collector/file/file-destination.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { fakePlatform } from '../fake/platform.ts'
import { STREAM, batch } from '../pipeline/batches.ts'
import {
  failingDisk,
  fileDestination,
  inTime,
  linesOf,
  nearDisk,
  systemError,
  temporaryFolder,
  until,
} from './surroundings.ts'

const lines = (texts: string[]) => batchOf(texts, originOf(), 0)

async function opened(path: string, platform = fakePlatform()): Promise<FileDestination> {
  await nearDisk(dirname(path))
  const files = fileDestination({ path }, platform)
  await files.open()
  return files
}

test.for([
  ['removed', (path: string) => unlinkSync(path), []],
  ['removed with its folder', (path: string) => rmSync(dirname(path), { recursive: true }), []],
  ['renamed', (path: string) => renameSync(path, `${path}.1`), []],
  [
    'replaced by another file',
    (path: string) => {
      writeFileSync(`${path}.new`, 'of another\n')
      renameSync(`${path}.new`, path)
    },
    ['of another'],
  ],
] as const)('after a file was %s, the next line is written to the file of that path', async ([, lose, there]) => {
  const path = join(temporaryFolder(), 'all.log')
  const files = await opened(path)
  await files.write(lines(['before']))
  // The clock does not advance, so this does not rely on the check once a second.
  lose(path)
  await files.write(lines(['after']))
  expect(linesOf(path)).toEqual([...there, 'after'])
  await files.close(1000)
})

test.for([
  ['another file', 'ENOTDIR', (folder: string) => writeFileSync(folder, '')],
  ['a link to itself', 'ELOOP', (folder: string) => symlinkSync(folder, folder)],
] as const)(
  'a file whose folder was replaced by %s gets no line until its path is usable again (%s)',
  async ([, errno, replace]) => {
    const folder = temporaryFolder()
    await nearDisk(folder)
    const path = join(folder, 'below', 'all.log')
    const platform = fakePlatform()
    const files = fileDestination({ path }, platform)
    await files.open()
    rmSync(dirname(path), { recursive: true })
    replace(dirname(path))
    // The clock does not advance, so this does not rely on the check once a second.
    const write = files.write(lines(['after']))
    const said = () => platform.log.lines.some(({ text }) => text.startsWith('cannot write'))
    await until(said, `a word about ${errno}`)
    unlinkSync(dirname(path))
    await inTime(platform.clock, write)
    expect(linesOf(path)).toEqual(['after'])
    await files.close(1000)
  },
)

test('lines written to a file at the moment of its removal are written again to the new file', async () => {
  const path = join(temporaryFolder(), 'all.log')
  let isRemoved = false
  const disk = failingDisk((call, name) => {
    if (call === 'write' && name === path && !isRemoved) {
      isRemoved = true
      unlinkSync(path)
    }
    return undefined
  })
  const files = await opened(path, fakePlatform(disk))
  await files.write(lines(['one', 'two']))
  expect(isRemoved).toBe(true)
  expect(linesOf(path)).toEqual(['one', 'two'])
  await files.close(1000)
})

for (const isRemoved of [true, false]) {
  test(`a file is renamed while it is written to, and ${isRemoved ? 'removed soon after' : 'stays'}: no line is lost`, async () => {
    const path = join(temporaryFolder(), 'all.log')
    let isRenamed = false
    const disk = failingDisk((call, name) => {
      if (call === 'write' && name === path && !isRenamed) {
        isRenamed = true
        renameSync(path, `${path}.1`)
        writeFileSync(path, '')
      }
      return undefined
    })
    const platform = fakePlatform(disk)
    const files = await opened(path, platform)
    let isSettled = false
    const write = files.write(lines(['one'])).then(() => (isSettled = true))
    await until(() => linesOf(`${path}.1`).length === 1, 'the line')
    // As with a compressor that has read the file before this line, and takes a while to remove it.
    await platform.clock.pass(100)
    expect(isSettled).toBe(false)
    if (isRemoved) unlinkSync(`${path}.1`)
    await inTime(platform.clock, write)
    expect(linesOf(isRemoved ? path : `${path}.1`)).toEqual(['one'])
    if (!isRemoved) expect(linesOf(path)).toEqual([])
    await files.close(1000)
  })
}

for (const how of ['renamed', 'removed'] as const) {
  test(`after an incomplete line on a full disk, the file is ${how}: the next file begins with a complete line`, async () => {
    const path = join(temporaryFolder(), 'all.log')
    let full = true
    const disk = failingDisk((call, name) =>
      call === 'write' && name === path && full ? { error: systemError('ENOSPC'), afterBytes: 6 } : undefined,
    )
    const platform = fakePlatform(disk)
    const files = await opened(path, platform)
    const write = files.write(lines(['one', 'two', 'three']))
    await until(() => platform.log.lines.length > 0, 'the warning')
    if (how === 'renamed') renameSync(path, `${path}.1`)
    else unlinkSync(path)
    full = false
    await platform.clock.pass(100)
    await write
    expect(linesOf(path)).toEqual(how === 'renamed' ? ['two', 'three'] : ['one', 'two', 'three'])
    if (how === 'renamed') expect(linesOf(`${path}.1`)).toEqual(['one'])
    await files.close(1000)
  })
}

for (const name of ['all.log', '{severity}.log']) {
  test(`an incomplete line at the end of ${name} at a start is ended by a newline before the first new line`, async () => {
    const folder = temporaryFolder()
    const path = join(folder, name.replace('{severity}', 'notice'))
    writeFileSync(path, 'whole\nhal')
    const platform = fakePlatform()
    let full = true
    const disk = failingDisk((call) => (call === 'write' && full ? systemError('ENOSPC') : undefined))
    const files = await opened(join(folder, name), { ...platform, disk })
    const write = files.write(lines(['<13>new']))
    await until(() => platform.log.lines.some(({ text }) => text.includes('cannot write')), 'the warning')
    full = false
    await platform.clock.pass(100)
    await write
    await files.write(lines(['<13>next']))
    expect(linesOf(path)).toEqual(['whole', 'hal', '<13>new', '<13>next'])
    await files.close(1000)
  })
}

test('a file without read permission is assumed to end with a complete line', async () => {
  const path = join(temporaryFolder(), 'all.log')
  writeFileSync(path, 'hal')
  const disk = failingDisk((call, name) => (call === 'read' && name === path ? systemError('EACCES') : undefined))
  const files = await opened(path, fakePlatform(disk))
  await files.write(lines(['f']))
  expect(linesOf(path)).toEqual(['half'])
  await files.close(1000)
})

for (const [how, expected] of [
  ['stays', ['<11>one', '<11>two']],
  ['is renamed meanwhile', ['<11>two']],
] as const) {
  test(`a file with an incomplete line on a full disk is closed in favour of another one and ${how}: no line is torn`, async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'err.log')
    let full = true
    const disk = failingDisk((call, name) =>
      call === 'write' && name === path && full ? { error: systemError('ENOSPC'), afterBytes: 11 } : undefined,
    )
    const platform = fakePlatform(disk)
    const files = fileDestination({ path: join(folder, '{severity}.log'), filesMax: 1 }, platform)
    await files.open()
    const write = files.write(lines(['<11>one', '<11>two']))
    await until(() => platform.log.lines.length > 0, 'the warning')
    await files.write(lines(['<12>other']))
    if (how !== 'stays') renameSync(path, `${path}.1`)
    full = false
    await platform.clock.pass(1000)
    await write
    expect(linesOf(path)).toEqual(expected)
    await files.close(1000)
  })
}

test('a device accepts lines of streams, although it cannot be synced and has no length', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  const files = fileDestination({ path: '/dev/null' }, platform, folder)
  await files.open()
  let isSettled = false
  const written = files.write(batch([{ texts: ['one', 'two'], from: 0 }])).then(() => (isSettled = true))
  const ticking = setInterval(() => void platform.clock.pass(50), 1)
  await until(() => isSettled, 'the commit')
  clearInterval(ticking)
  await written
  await files.close(1000)
  const again = fakePlatform()
  const second = fileDestination({ path: '/dev/null' }, again, folder)
  await second.open()
  expect(again.log.lines).toEqual([])
  expect(await second.streams.marks([STREAM])).toEqual(new Map([[STREAM, 20]]))
  await second.close(1000)
})
