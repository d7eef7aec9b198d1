// The archive destination as a whole, with its worker thread: intake, merges, days, stream marks, readers.

import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openArchive } from '../../collector/archive/reader.ts'
import { openToWrite } from '../../collector/archive/sqlite.ts'
import { systemDisk } from '../../common/disk.ts'
import { defectBit } from '../../common/message/defects.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { fakePlatform } from '../fake/platform.ts'
import { openedArchive, stored, temporaryFolder } from './surroundings.ts'

const NOON = Date.UTC(2026, 10, 23, 12) * 1000
const DAY_MS = 86_400_000
const DAY = DAY_MS * 1000

const one = (text: string, received: number = NOON) => batchOf([text], originOf(), received)

function files(folder: string): string[] {
  return readdirSync(join(folder, 'archive'))
    .filter((name) => name.endsWith('.db'))
    .sort()
}

function fromStream(texts: string[], from: number, id: string = 'a'.repeat(32)): Batch {
  const batch = batchOf(texts, originOf(), NOON)
  const ends = Uint32Array.from(texts, (_, i) => 10 * (i + 1))
  return { ...batch, runs: [{ ...batch.runs[0], stream: { id, from, to: from + 10 * texts.length, ends } }] }
}

test('archive: messages can be read as soon as their write has settled, while the writer is open', async () => {
  const folder = temporaryFolder()
  const archive = await openedArchive(fakePlatform(), folder)
  await archive.write(one('<34>Oct 11 22:14:15 web-1 su: first'))
  expect([...(await stored(folder)).values()]).toEqual(['<34>Oct 11 22:14:15 web-1 su: first'])
  await archive.write(one('second'))
  expect([...(await stored(folder)).values()]).toEqual(['<34>Oct 11 22:14:15 web-1 su: first', 'second'])
})

test('archive: the defects of messages are set on their batch when its write settles', async () => {
  const archive = await openedArchive(fakePlatform(), temporaryFolder())
  const faulty = batchOf(['<34>Oct 11 22:14:15 web-1 su: fine', 'no PRI', '<999>x'], originOf(), NOON)
  const fine = one('<34>Oct 11 22:14:15 web-1 su: fine')
  await Promise.all([archive.write(faulty), archive.write(fine)])
  expect(faulty.defects).toEqual(Uint32Array.of(0, defectBit('PRI_MISSING'), defectBit('PRI_INVALID')))
  expect(fine.defects).toBeUndefined()
})

test('archive: an old part that cannot be read is logged and left as it is, and new messages are stored', async () => {
  const folder = temporaryFolder()
  const earlier = await openedArchive(fakePlatform(), folder)
  await earlier.write(one('first'))
  await earlier.close(5_000)
  // A folder cannot be read as a file, even if the test runs as root.
  const old = join(folder, 'archive', '2026-11-20.db')
  mkdirSync(old)
  const platform = fakePlatform()
  const archive = await openedArchive(platform, folder)
  await archive.write(one('second'))
  await archive.close(5_000)
  expect(platform.log.lines).toContainEqual({
    level: 'warn',
    values: expect.objectContaining({ path: old }) as object,
    text: 'a part of the archive cannot be read and is left as it is',
  })
  rmdirSync(old)
  expect([...(await stored(folder)).values()]).toEqual(['first', 'second'])
})

test('archive: merging small blocks keeps the ids and the bytes of all messages', async () => {
  const folder = temporaryFolder()
  const archive = await openedArchive(fakePlatform(), folder)
  const texts = Array.from({ length: 300 }, (_, i) => `<34>Oct 11 22:14:15 web-${i % 5} app[${i}]: message ${i}`)
  for (const text of texts) await archive.write(one(text))
  await archive.close(5_000)
  expect([...(await stored(folder))]).toEqual(texts.map((text, i) => [`2026-11-23/${i}`, text]))
  const reader = await openArchive(systemDisk, join(folder, 'archive'))
  const part = reader.open(reader.parts[0])
  expect(part.blocks().length).toBeLessThan(50)
  part.close()
})

test('archive: a part that was opened before a merge is read in its snapshot', async () => {
  const folder = temporaryFolder()
  const archive = await openedArchive(fakePlatform(), folder)
  for (let i = 0; i < 10; i += 1) await archive.write(one(`early ${i}`))
  const reader = await openArchive(systemDisk, join(folder, 'archive'))
  const part = reader.open(reader.parts[0])
  const blocks = part.blocks()
  for (let i = 0; i < 100; i += 1) await archive.write(one(`late ${i}`))
  const texts = blocks.flatMap((block) => {
    const decoded = block.decode()
    return Array.from({ length: decoded.count }, (_, i) => decoded.raw(i).toString())
  })
  part.close()
  expect(texts).toEqual(Array.from({ length: 10 }, (_, i) => `early ${i}`))
})

test('archive: each day of receipt has a file, and after the clock is set back messages go into the newest one', async () => {
  const folder = temporaryFolder()
  const archive = await openedArchive(fakePlatform(), folder)
  await archive.write(one('on the 23rd', NOON))
  await archive.write(one('on the 24th', NOON + DAY))
  await archive.write(one('the clock went back', NOON))
  expect(files(folder)).toEqual(['2026-11-23.db', '2026-11-24.db'])
  expect([...(await stored(folder))]).toEqual([
    ['2026-11-23/0', 'on the 23rd'],
    ['2026-11-24/0', 'on the 24th'],
    ['2026-11-24/1', 'the clock went back'],
  ])
})

test('archive: the file of a past day, and the current one after a close, are no longer in WAL mode', async () => {
  const folder = temporaryFolder()
  const archive = await openedArchive(fakePlatform(), folder)
  await archive.write(one('sealed', NOON))
  await archive.write(one('current', NOON + DAY))
  // Byte 18 of a database is 1 if its journal is not a WAL (SQLite's file format §1.3.3).
  expect(readFileSync(join(folder, 'archive', '2026-11-23.db'))[18]).toBe(1)
  expect(readdirSync(join(folder, 'archive'))).not.toContain('2026-11-23.db-wal')
  await archive.close(5_000)
  expect(readFileSync(join(folder, 'archive', '2026-11-24.db'))[18]).toBe(1)
})

test('archive: repeats of a stream are stored once and counted, across a restart and a change of day', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  const archive = await openedArchive(platform, folder)
  await archive.write(fromStream(['a', 'b', 'c'], 0))
  await archive.write(fromStream(['b', 'c', 'd'], 10))
  expect([...(await stored(folder)).values()]).toEqual(['a', 'b', 'c', 'd'])
  expect(await platform.metrics.total('sluice_repeats_total')).toBe(2)
  await archive.write(one('next day', NOON + DAY))
  await archive.close(5_000)
  rmSync(join(folder, 'archive', '2026-11-23.db'))
  const second = await openedArchive(fakePlatform(), folder)
  expect(await second.streams.marks(['a'.repeat(32), 'b'.repeat(32)])).toEqual(new Map([['a'.repeat(32), 40]]))
  await second.write(fromStream(['d', 'e'], 30))
  expect([...(await stored(folder)).values()]).toEqual(['next day', 'e'])
})

test('archive: the file of a new day has the marks of all streams, even of those without a selected message', async () => {
  const folder = temporaryFolder()
  const platform = fakePlatform()
  platform.clock.setWall(NOON)
  const archive = await openedArchive(platform, folder)
  await archive.write(fromStream([], 70, 'b'.repeat(32)))
  await archive.write(fromStream(['a'], 0))
  platform.clock.setWall(NOON + DAY)
  await archive.write({ ...fromStream([], 0, 'c'.repeat(32)), received: NOON + DAY })
  await archive.close(5_000)
  expect(files(folder)).toEqual(['2026-11-23.db', '2026-11-24.db'])
  rmSync(join(folder, 'archive', '2026-11-23.db'))
  const second = await openedArchive(fakePlatform(), folder)
  const ids = ['a', 'b', 'c'].map((digit) => digit.repeat(32))
  expect([...(await second.streams.marks(ids))]).toEqual([10, 70, 0].map((position, i) => [ids[i], position]))
})

test('archive: retention keeps the part before an empty one that a crash left, since it has the marks', async () => {
  const folder = temporaryFolder()
  const archive = await openedArchive(fakePlatform(), folder)
  await archive.write(fromStream(['a'], 0))
  await archive.close(5_000)
  writeFileSync(join(folder, 'archive', '2026-11-24.db'), '')
  expect([...(await stored(folder)).values()]).toEqual(['a'])
  const second = await openedArchive(fakePlatform(), folder, { bytesMax: 1 })
  expect(files(folder)).toEqual(['2026-11-23.db', '2026-11-24.db'])
  await second.write(fromStream(['a', 'b'], 0))
  expect([...(await stored(folder))]).toEqual([
    ['2026-11-23/0', 'a'],
    ['2026-11-23/1', 'b'],
  ])
})

test('archive: if the newest part cannot be opened for now, the start fails instead of going on without its marks', async () => {
  const folder = temporaryFolder()
  const archive = await openedArchive(fakePlatform(), folder)
  await archive.write(fromStream(['a'], 0))
  await archive.close(5_000)
  const part = join(folder, 'archive', '2026-11-23.db')
  renameSync(part, join(folder, 'aside'))
  mkdirSync(part)
  await expect(openedArchive(fakePlatform(), folder)).rejects.toThrow(/unable to open/)
  rmdirSync(part)
  renameSync(join(folder, 'aside'), part)
  const second = await openedArchive(fakePlatform(), folder)
  await second.write(fromStream(['a', 'b'], 0))
  expect([...(await stored(folder)).values()]).toEqual(['a', 'b'])
})

test('archive: a batch without messages advances the mark of its stream', async () => {
  const folder = temporaryFolder()
  const archive = await openedArchive(fakePlatform(), folder)
  const stream = { id: 'c'.repeat(32), from: 0, to: 700, ends: new Uint32Array(0) }
  await archive.write({ ...batchOf([], originOf(), NOON), runs: [{ count: 0, origin: originOf(), stream }] })
  expect(await archive.streams.marks([stream.id])).toEqual(new Map([[stream.id, 700]]))
})

test('archive: opening a missing folder is a fault that names the folder', async () => {
  const folder = join(temporaryFolder(), 'archive')
  const missing = { code: 'ARCHIVE_MISSING', detail: expect.stringContaining(folder) }
  await expect(openArchive(systemDisk, folder)).rejects.toMatchObject(missing)
})

test('archive: opening a file that is no database is a fault, and other days can still be read', async () => {
  const folder = temporaryFolder()
  const archive = await openedArchive(fakePlatform(), folder)
  await archive.write(one('good', NOON))
  await archive.close(5_000)
  writeFileSync(join(folder, 'archive', '2026-11-22.db'), 'no database at all '.repeat(300))
  const reader = await openArchive(systemDisk, join(folder, 'archive'))
  expect(() => reader.open(reader.parts[0])).toThrow(/ARCHIVE_UNREADABLE.*2026-11-22/)
  const part = reader.open(reader.parts[1])
  expect(part.totals().messages).toBe(1)
  part.close()
})

test('archive: reading a file whose pages are overwritten is a fault', async () => {
  const folder = temporaryFolder()
  const archive = await openedArchive(fakePlatform(), folder)
  for (let i = 0; i < 20; i += 1) await archive.write(one(`message ${i}`, NOON))
  await archive.close(5_000)
  const path = join(folder, 'archive', '2026-11-23.db')
  const whole = readFileSync(path)
  writeFileSync(path, Buffer.concat([whole.subarray(0, 8192), Buffer.alloc(whole.length - 8192, 0xaa)]))
  await expect(stored(folder)).rejects.toMatchObject({ code: 'ARCHIVE_UNREADABLE' })
})

test('archive: a damaged newest part is logged and left as it is, and writing continues in the next part', async () => {
  const folder = temporaryFolder()
  const archive = await openedArchive(fakePlatform(), folder)
  await archive.write(one('lost to the disk', NOON))
  await archive.close(5_000)
  writeFileSync(join(folder, 'archive', '2026-11-23.db'), 'damaged'.repeat(2000))
  const platform = fakePlatform()
  const second = await openedArchive(platform, folder)
  await second.write(one('goes on', NOON))
  expect(files(folder)).toEqual(['2026-11-23.2.db', '2026-11-23.db'])
  expect(platform.log.lines.map(({ text }) => text).join()).toContain('cannot be opened')
})

test.each([
  ['another format version', "UPDATE meta SET value = 99 WHERE key = 'version'", 'version'],
  ['other tables', 'ALTER TABLE marks DROP COLUMN until', 'does not have the tables of this version'],
])('archive: a newest part with %s is left as it is, and the next part is written to', async (_, change, reason) => {
  const folder = temporaryFolder()
  const archive = await openedArchive(fakePlatform(), folder)
  await archive.write(one('of another', NOON))
  await archive.close(5_000)
  const sqlite = openToWrite(join(folder, 'archive', '2026-11-23.db'))
  sqlite.exec(change)
  sqlite.close()
  const platform = fakePlatform()
  const second = await openedArchive(platform, folder)
  await second.write(one('goes on', NOON))
  expect(files(folder)).toContain('2026-11-23.2.db')
  expect(JSON.stringify(platform.log.lines)).toContain(reason)
})

test('archive: a part whose writer was killed before the first commit is read as empty, and is used later', async () => {
  const folder = temporaryFolder()
  const path = (name: string) => join(folder, 'archive', name)
  const first = await openedArchive(fakePlatform(), folder)
  await first.write(one('first'))
  await first.close(5_000)
  // Killed after WAL mode was set; killed right after the file was created; and one that such a kill had left on an earlier day.
  openToWrite(path('2026-11-23.2.db')).close()
  writeFileSync(path('2026-11-23.3.db'), '')
  openToWrite(path('2026-11-22.db')).close()
  expect([...(await stored(folder)).values()]).toEqual(['first'])
  const reader = await openArchive(systemDisk, join(folder, 'archive'))
  const part = reader.open({ day: '2026-11-23', part: 2 })
  expect([part.blocks(), part.totals()]).toEqual([[], { messages: 0, rawBytes: 0 }])
  part.close()

  const platform = fakePlatform()
  const second = await openedArchive(platform, folder)
  await second.write(one('second'))
  await second.write(one('next day', NOON + DAY))
  await second.close(5_000)
  expect([...(await stored(folder))]).toEqual([
    ['2026-11-23/0', 'first'],
    ['2026-11-23/1', 'second'],
    ['2026-11-24/0', 'next day'],
  ])
  expect(files(folder).filter((name) => name.startsWith('2026-11-23'))).toHaveLength(3)
  expect(platform.log.lines.filter(({ level }) => level !== 'info')).toEqual([])
})

test('archive: the first part of a day is used if a kill before its first commit left it empty', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'archive'))
  openToWrite(join(folder, 'archive', '2026-11-23.db')).close()
  const archive = await openedArchive(fakePlatform(), folder)
  await archive.write(one('first'))
  await archive.close(5_000)
  expect(files(folder)).toEqual(['2026-11-23.db'])
  expect([...(await stored(folder))]).toEqual([['2026-11-23/0', 'first']])
})

test('archive: a thousand writes that are open at once are all stored, in call order', async () => {
  const folder = temporaryFolder()
  const archive = await openedArchive(fakePlatform(), folder)
  const texts = Array.from({ length: 1000 }, (_, i) => `message ${i} ${'x'.repeat(i)}`)
  await Promise.all(texts.map((text) => archive.write(one(text))))
  expect([...(await stored(folder)).values()]).toEqual(texts)
})

test('archive: with more origins than the worker remembers, each message still has its own peer', async () => {
  const folder = temporaryFolder()
  const archive = await openedArchive(fakePlatform(), folder)
  // Batches with thousands of origins: large enough for two threads to share a commit, and for origins to be forgotten meanwhile.
  const [batches, senders] = [5, 4_000]
  const writes = Array.from({ length: batches }, (_, b) => {
    const name = (i: number) => `${b}-${i}`
    const texts = Array.from({ length: senders }, (_, i) => `${name(i)} ${'x'.repeat(1_000)}`)
    const runs = texts.map((_, i) => ({ count: 1, origin: originOf({ peer: name(i), host: Buffer.from(name(i)) }) }))
    return archive.write({ ...batchOf(texts, originOf(), NOON), runs })
  })
  await Promise.all(writes)
  const reader = await openArchive(systemDisk, join(folder, 'archive'))
  const part = reader.open(reader.parts[0])
  const wrong: string[] = []
  let count = 0
  for (const block of part.blocks()) {
    const decoded = block.decode()
    for (let i = 0; i < decoded.count; i += 1, count += 1) {
      const own = decoded.raw(i).toString().split(' ')[0]
      const { peer } = decoded.origins[decoded.originIds[i]]
      if (peer !== own) wrong.push(`${own} from ${peer}`)
    }
  }
  part.close()
  expect(wrong.slice(0, 5)).toEqual([])
  expect(count).toBe(batches * senders)
})
