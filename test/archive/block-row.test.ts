// The checksum of a block's row: a search verifies it before it rules the block out by that row.

import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openToWrite } from '../../collector/archive/sqlite.ts'
import { OpenArchives } from '../../collector/search/archive-blocks.ts'
import { Grep } from '../../collector/search/grep.ts'
import { systemClock } from '../../common/clock.ts'
import { parseExpression } from '../../common/expression/parse.ts'
import { utc } from '../../common/message/zone.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { fakePlatform } from '../fake/platform.ts'
import { openedArchive, temporaryFolder } from './surroundings.ts'

const NOON = Date.UTC(2026, 10, 23, 12) * 1000

/** An archive in whose database the statement `change` was then executed. */
async function archiveOf(change: string): Promise<string> {
  const folder = temporaryFolder()
  const archive = await openedArchive(fakePlatform(), folder)
  const texts = Array.from({ length: 40 }, (_, i) => `<34>Nov 23 11:59:10 web-${i % 3} app: message ${i}`)
  for (const text of texts) await archive.write(batchOf([text], originOf(), NOON))
  await archive.close(5_000)
  const sqlite = openToWrite(join(folder, 'archive', '2026-11-23.db'))
  sqlite.exec(change)
  sqlite.pragma('journal_mode = DELETE')
  sqlite.close()
  return join(folder, 'archive')
}

async function search(folder: string): Promise<{ found: number; faults: string[] }> {
  const archives = await OpenArchives.open([folder], -Infinity)
  let text = ''
  const where = parseExpression('since:2026-11-23T11:00:00Z until:2026-11-23T13:00:00Z severity:crit facility:auth')
  const print = { format: 'cat', partsOnly: false, color: false, escape: false, zone: utc } as const
  const options = { query: { where }, print, reverse: false, most: Infinity, last: Infinity, zone: utc }
  const target = {
    write: (bytes: Buffer) => {
      text += bytes.toString()
      return Promise.resolve(true)
    },
  }
  const grep = new Grep(options, target, systemClock)
  await grep.run(archives.blocks)
  archives.close()
  return { found: text.split('\n').length - 1, faults: archives.faults.map(({ detail }) => detail) }
}

test('the rows of an archive that nobody changed are not reported as damaged', async () => {
  expect(await search(await archiveOf('SELECT 1'))).toEqual({ found: 40, faults: [] })
})

test.each([
  'time_min = time_min | (1 << 55)',
  'time_max = time_max & ~(1 << 50)',
  'severities = severities & ~4',
  'facilities = facilities & ~16',
  'level = level + (1 << 20)',
])('a flipped bit in the row of a block (%s) is reported, and the block is searched all the same', async (change) => {
  const folder = await archiveOf(`UPDATE block SET ${change}`)
  const { found, faults } = await search(folder)
  expect(found).toBe(40)
  expect(faults).toEqual([
    expect.stringMatching(/2026-11-23\.db is damaged: what is known of \d+ of its blocks is not as it was stored$/),
  ])
})

test('rows of an earlier version, which have no checksum, are not reported as damaged', async () => {
  expect(await search(await archiveOf('UPDATE block SET level = level & 255'))).toEqual({ found: 40, faults: [] })
})
