// A search of an archive in which one day is damaged, whatever column the damage is in: the other days are searched, and the user
// is told which day could not be read.

import { copyFileSync, existsSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Database, openToWrite, readFault } from '../../collector/archive/sqlite.ts'
import { OpenArchives } from '../../collector/search/archive-blocks.ts'
import { Grep, type GrepOptions } from '../../collector/search/grep.ts'
import { systemClock } from '../../common/clock.ts'
import { compileRegex } from '../../common/expression/regex/byte-regex.ts'
import { ARCHIVE_READ_PARTS_MAX } from '../../common/limits.ts'
import { utc } from '../../common/message/zone.ts'
import { temporaryFolder } from '../end-to-end/program.ts'
import { writeArchive } from './written-archive.ts'

const DAY_US = 86_400_000_000
const NOVEMBER_20 = Date.UTC(2026, 10, 20, 10) * 1000
const PER_DAY = 200
const PLACES = 8

/** Writes an archive of three days with one block each; `sent` has its messages by day. */
function threeDays(): { archive: string; sent: string[][] } {
  const archive = join(temporaryFolder(), 'archive')
  const sent = [0, 1, 2].map((day) =>
    Array.from({ length: PER_DAY }, (_, i) => {
      const time = new Date(Date.UTC(2026, 10, 20 + day, 10, 0, 0, 7 * i)).toISOString()
      return `<13>1 ${time} web-${i % 7} app-${i % 3} ${i % 5 === 0 ? `task-${i}` : i} id${i % 4} [x@1 k="${i}"] user ${i * i} says "hello"`
    }),
  )
  for (const [day, messages] of sent.entries()) {
    const received = NOVEMBER_20 + day * DAY_US
    writeArchive(
      archive,
      `2026-11-2${day}`,
      messages.map((text) => ({ text, received })),
      PER_DAY,
    )
  }
  return { archive, sent }
}

/** Flips one bit of a column of the second day. */
function flip(archive: string, table: string, column: string, at: (length: number) => number, bit: number): void {
  const sqlite = openToWrite(join(archive, '2026-11-21.db'))
  sqlite.pragma('synchronous = OFF')
  const { blob } = sqlite.prepare<[], { blob: Buffer }>(`SELECT ${column} AS blob FROM ${table}`).get()!
  blob[at(blob.length)] ^= 1 << bit
  sqlite.prepare(`UPDATE ${table} SET ${column} = ?`).run(blob)
  sqlite.pragma('journal_mode = DELETE')
  sqlite.close()
}

async function search(archive: string, asked: Partial<GrepOptions>): Promise<{ lines: string[]; faults: string[] }> {
  const pattern = compileRegex('says')
  const print = { format: 'raw', partsOnly: false, pattern, color: false, escape: false, zone: utc } as const
  const chunks: string[] = []
  const target = {
    write: (bytes: Buffer) => {
      chunks.push(bytes.toString('latin1'))
      return Promise.resolve(true)
    },
  }
  const options: GrepOptions = {
    ...{ print, reverse: false, most: Infinity, last: Infinity, zone: utc },
    ...{ query: { where: { kind: 'all' }, pattern }, ...asked },
  }
  const grep = new Grep(options, target, systemClock)
  const archives = await OpenArchives.open([archive], grep.since)
  try {
    await grep.run(archives.blocks)
  } finally {
    archives.close()
  }
  return { lines: chunks.join('').split('\n').slice(0, -1), faults: [...grep.faults] }
}

const everything: GrepOptions['query'] = { where: { kind: 'all' } }
const searches: [string, Partial<GrepOptions>][] = [
  ['a pattern', {}],
  ['everything', { query: everything }],
  ['newest first', { reverse: true }],
  ['the last matches', { query: everything, last: 3 * PER_DAY }],
  ['neighbours from anywhere', { query: everything, context: { before: 1, after: 1, ofAll: true } }],
  ['neighbours', { query: everything, context: { before: 1, after: 1, ofAll: false } }],
]

test.each([
  ['block', 'hosts'],
  ['block', 'programs'],
  ['data', 'fields'],
  ['data', 'texts'],
  ['data', 'grams'],
])(
  'after a bit is flipped in %s.%s, other days are found, no wrong message is, and what is missing is reported',
  async (...of) => {
    const { archive, sent } = threeDays()
    const known = new Set(sent.flat())
    for (let i = 0; i < PLACES; i += 1) {
      const at = (length: number) => Math.floor((length * i) / PLACES)
      flip(archive, ...of, at, i % 8)
      for (const [name, asked] of searches) {
        const { lines, faults } = await search(archive, asked)
        const found = new Set(lines.filter((line) => line !== '--'))
        const place = `${name}, bit ${i % 8} at ${i}/${PLACES}`
        expect([place, [...sent[0], ...sent[2]].filter((line) => !found.has(line))]).toEqual([place, []])
        expect([place, [...found].filter((line) => !known.has(line))]).toEqual([place, []])
        if (found.size < known.size)
          expect([place, faults]).toEqual([place, [expect.stringContaining('2026-11-21.db')]])
      }
      flip(archive, ...of, at, i % 8)
    }
    for (const [, asked] of searches) {
      expect((await search(archive, asked)).lines.filter((line) => line !== '--').toSorted()).toEqual(
        sent.flat().toSorted(),
      )
    }
  },
)

test('a day whose database has lost its tables is reported as damaged, not taken for empty', async () => {
  const { archive } = threeDays()
  expect(readdirSync(archive)).toHaveLength(3)
  const sqlite = openToWrite(join(archive, '2026-11-21.db'))
  sqlite.unsafeMode()
  sqlite.pragma('writable_schema = ON')
  sqlite.exec('DELETE FROM sqlite_schema')
  sqlite.pragma('journal_mode = DELETE')
  sqlite.close()
  const archives = await OpenArchives.open([archive], -Infinity)
  archives.close()
  expect(archives.faults).toEqual([
    expect.objectContaining({ code: 'ARCHIVE_UNREADABLE', detail: expect.stringContaining('its tables are missing') }),
  ])
})

test('a file from a stranger whose tables are views that never end is reported, not queried', async () => {
  const { archive, sent } = threeDays()
  const sqlite = openToWrite(join(archive, '2026-11-21.db'))
  sqlite.exec(`DROP TABLE block; CREATE VIEW block AS
    WITH RECURSIVE endless AS (SELECT 1 AS first UNION ALL SELECT first + 1 FROM endless) SELECT first FROM endless`)
  sqlite.pragma('journal_mode = DELETE')
  sqlite.close()
  const archives = await OpenArchives.open([archive], -Infinity)
  archives.close()
  expect(archives.blocks.map(({ count }) => count)).toEqual([sent[0].length, sent[2].length])
  expect(archives.faults).toEqual([
    expect.objectContaining({ code: 'ARCHIVE_UNREADABLE', detail: expect.stringContaining('it has views') }),
  ])
})

// Stands for a file on a failing disk: the first address of a process is not mapped, so reading there fails with EIO.
const FAILING = '/proc/self/mem'

test.runIf(existsSync(FAILING))('a day that the disk cannot read is a disk error, not damage', async () => {
  const { archive, sent } = threeDays()
  const day = join(archive, '2026-11-21.db')
  rmSync(day)
  symlinkSync(FAILING, day)
  const archives = await OpenArchives.open([archive], -Infinity)
  archives.close()
  expect(archives.blocks.map(({ count }) => count)).toEqual([sent[0].length, sent[2].length])
  expect(archives.faults).toEqual([
    expect.objectContaining({ code: 'DISK_ERROR', detail: `the disk cannot read ${day}: EIO: i/o error, read` }),
  ])
})

test.runIf(existsSync(FAILING))('damage reported by SQLite is a disk error if the file is unreadable', () => {
  // SQLite 3.53 reports this for an EIO after the first pages.
  const error = new Database.SqliteError('database disk image is malformed', 'SQLITE_CORRUPT')
  const { archive } = threeDays()
  const day = join(archive, '2026-11-21.db')
  expect(readFault(error, FAILING)).toMatchObject({ code: 'DISK_ERROR', retryable: true })
  expect(readFault(error, day)).toMatchObject({ code: 'ARCHIVE_UNREADABLE', retryable: false })
})

test('a day that expires during a search is reported as gone', async () => {
  const { archive, sent } = threeDays()
  const copies = ARCHIVE_READ_PARTS_MAX
  for (let part = 2; part < copies + 2; part += 1) {
    copyFileSync(join(archive, '2026-11-21.db'), join(archive, `2026-11-21.${part}.db`))
  }
  const archives = await OpenArchives.open([archive], -Infinity)
  const first = join(archive, '2026-11-20.db')
  rmSync(first)
  expect(() => archives.blocks[0].open()).toThrow(`${first} is gone: it expired or was removed while it was searched`)
  expect(archives.blocks.at(-1)!.open().count).toBe(sent[2].length)
  archives.close()
})
