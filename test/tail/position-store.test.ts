// The log of checkpoints survives crashes: the last line of a stream counts, and a torn line is ignored.

import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { systemDisk, type Disk } from '../../common/disk.ts'
import type { Log } from '../../common/log.ts'
import { systemRandom } from '../../common/random.ts'
import { fakeLog } from '../fake/log.ts'
import { MemoryDisk } from '../spool/memory-disk.ts'
import { PositionStore, type FileRecord } from '../../shipper/tail/position-store.ts'

const record = (stream: string, position: number): FileRecord => ({
  ...{ stream, device: '1', inode: '2', path: '/var/log/app.log' },
  ...{ head: { bytes: 3, hash: 'abc' }, position, tail: '' },
})

/** A path for the log in a new temporary folder. */
function newPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-positions-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return join(folder, 'sources', 'positions')
}

async function opened(
  path: string,
  disk: Disk = systemDisk,
  instance: string = 'one',
  log: Log = fakeLog(),
): Promise<PositionStore> {
  const store = new PositionStore(path, { clock: systemClock, disk, instance, random: systemRandom, log })
  await store.open()
  return store
}

test('after reopening, each stream has its last position, and an ended stream is gone', async () => {
  const path = newPath()
  const store = await opened(path)
  store.set(record('a', 1))
  store.set(record('b', 1))
  await store.commit()
  store.set(record('a', 2))
  store.remove('b')
  await store.close()
  expect((await opened(path)).records()).toEqual([record('a', 2)])
})

test('a position that was set and not committed is lost in a crash', async () => {
  const path = newPath()
  const store = await opened(path)
  store.set(record('a', 1))
  await store.commit()
  store.set(record('a', 2))
  expect((await opened(path)).records()).toEqual([record('a', 1)])
  await store.close()
})

test('a position that was committed is there after a power cut', async () => {
  const disk = new MemoryDisk()
  const store = await opened('/data/sources/positions', disk)
  for (const position of [1, 2, 3]) {
    store.set(record('a', position))
    await store.commit()
    const later = await opened(
      '/data/sources/positions',
      disk.afterPowerCut(() => 0.9),
    )
    expect(later.records()).toEqual([record('a', position)])
  }
})

test('a line torn at any byte leaves the positions committed before it', async () => {
  const line = JSON.stringify(record('a', 2))
  for (const length of [1, line.length >> 1, line.length - 1]) {
    const path = newPath()
    const store = await opened(path)
    store.set(record('a', 1))
    await store.close()
    appendFileSync(path, line.slice(0, length))
    const again = await opened(path)
    expect(again.records()).toEqual([record('a', 1)])
    again.set(record('a', 3))
    await again.close()
    expect((await opened(path)).records()).toEqual([record('a', 3)])
  }
})

const whole = JSON.stringify(record('b', 2))
const damages: readonly (readonly [what: string, line: string | Buffer])[] = [
  ...['null', '5', '"text"', '[]', '{}', '{"stream":"b"}', '{"stream":7,"closed":true}'].map(
    (line) => [line, line] as const,
  ),
  ['a time that is not a number', '{"sweptMs":"yesterday"}'],
  ['an instance that is not a string', '{"instance":7}'],
  ['a device that is not a number', whole.replace('"device":"1"', '"device":"sda1"')],
  ['a position that is not a number', whole.replace('"position":2', '"position":null')],
  ['no head', whole.replace('"head":{"bytes":3,"hash":"abc"}', '"head":null')],
  ['a head without a hash', whole.replace('"hash":"abc"', '"hash":null')],
  ['zero bytes left by a crash', Buffer.alloc(4096)],
  ['bytes that are not JSON', Buffer.from([0xff, 0xfe, 0x01, 0x80])],
]

test.for(damages)('a damaged line is logged and skipped, and the others count: %s', async ([, line]) => {
  const path = newPath()
  const store = await opened(path)
  store.set(record('a', 1))
  await store.close()
  appendFileSync(path, Buffer.concat([Buffer.from(line), Buffer.from(`\n${JSON.stringify(record('c', 3))}\n`)]))
  const log = fakeLog()
  expect((await opened(path, systemDisk, 'one', log)).records()).toEqual([record('a', 1), record('c', 3)])
  expect(log.lines.map(({ text }) => text)).toEqual([expect.stringContaining('reading positions are damaged')])
})

test('an empty log is reported as damaged', async () => {
  const path = newPath()
  const store = await opened(path)
  store.set(record('a', 1))
  await store.close()
  writeFileSync(path, '')
  const log = fakeLog()
  expect((await opened(path, systemDisk, 'one', log)).records()).toEqual([])
  expect(log.lines).toHaveLength(1)
})

test('the changes of a failed commit are written by the next one', async () => {
  const path = newPath()
  const disk: Disk = Object.create(systemDisk)
  let fails = true
  disk.replaceFile = (...given) => (fails ? Promise.reject(new Error('full')) : systemDisk.replaceFile(...given))
  const store = await opened(path, disk)
  store.set(record('a', 1))
  await expect(store.commit()).rejects.toThrow('full')
  fails = false
  await store.close()
  expect((await opened(path)).records()).toEqual([record('a', 1)])
})

test('a log that is mostly history is compacted', async () => {
  const path = newPath()
  const store = await opened(path)
  for (let position = 0; position < 5000; position += 1) {
    store.set(record('a', position))
    if (position % 50 === 0) for (let i = 0; i < 100; i += 1) store.set(record(`s${i}`, position))
    if (position % 50 === 0) await store.commit()
  }
  await store.close()
  expect(readFileSync(path).length).toBeLessThan(400 * 1024)
  expect((await opened(path)).records()).toHaveLength(101)
})

test('streams of another instance continue at their positions under new ids, which the first commit writes', async () => {
  const path = newPath()
  const original = await opened(path)
  original.set(record('a', 1))
  original.set(record('b', 2))
  original.swept(77)
  await original.close()
  const before = readFileSync(path)

  const copy = await opened(path, systemDisk, 'two')
  const renewed = copy.records()
  expect(renewed.map(({ position }) => position)).toEqual([1, 2])
  for (const { stream } of renewed) expect(stream).toMatch(/^[\da-f]{32}$/)
  expect(new Set(renewed.map(({ stream }) => stream)).size).toBe(2)
  expect(copy.sweptMs).toBe(77)
  expect(readFileSync(path)).toEqual(before)

  copy.set(renewed[0])
  await copy.commit()
  // The old streams belong to the other instance: receivers must not be told that they have ended.
  expect(copy.takeOver()).toEqual([])
  await copy.close()
  expect((await opened(path, systemDisk, 'two')).records()).toEqual(renewed)
})

test('streams in a log without an instance continue under new ids', async () => {
  const path = newPath()
  const store = await opened(path)
  store.set(record('a', 1))
  await store.close()
  writeFileSync(path, `${JSON.stringify(record('a', 1))}\n`)
  const [{ stream, position }] = (await opened(path)).records()
  expect(position).toBe(1)
  expect(stream).not.toBe('a')
})

test('a full disk is logged with the path of the log, and its end too, once each', async () => {
  const path = newPath()
  let isFull = false
  const full = () => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  const replaceFile: Disk['replaceFile'] = (...file) =>
    isFull ? Promise.reject(full()) : systemDisk.replaceFile(...file)
  const log = fakeLog()
  const store = await opened(path, Object.assign(Object.create(systemDisk) as Disk, { replaceFile }), 'one', log)
  isFull = true
  store.set(record('a', 1))
  for (let i = 0; i < 3; i += 1) await expect(store.commit()).rejects.toThrow('ENOSPC')
  isFull = false
  await store.commit()
  await store.close()
  expect(log.lines).toEqual([
    {
      level: 'warn',
      text: 'cannot save reading positions: new files are not read',
      values: { path, reason: full().message },
    },
    { level: 'info', text: 'reading positions can be saved again', values: { path } },
  ])
})
