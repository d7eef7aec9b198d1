// Small commits are merged from messages gathered in memory, without reading the blocks back: same messages, same ids.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Intake } from '../../collector/archive/intake.ts'
import { openArchive } from '../../collector/archive/reader.ts'
import { openToWrite } from '../../collector/archive/sqlite.ts'
import { systemDisk } from '../../common/disk.ts'
import { ARCHIVE_PART_BYTES_MAX } from '../../common/limits.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { randomFrom } from '../bench/corpus.ts'
import { stored, temporaryFolder } from './surroundings.ts'

const NOON = Date.UTC(2026, 10, 23, 12) * 1000
const INSTANCE = 7

function intakeIn(folder: string): Intake {
  return new Intake(join(folder, 'archive'), INSTANCE, ARCHIVE_PART_BYTES_MAX, (text) => expect.unreachable(text))
}

function archiveFolder(): string {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'archive'))
  return folder
}

/** Commits a batch and gathers it for the next merge, as the worker does. The batch's memory is overwritten in between. */
function take(intake: Intake, id: number, batch: Batch): void {
  intake.add({ id, batch })
  while (!intake.step());
  batch.slab.bytes.fill(0x2a)
  intake.gather()
}

async function blockCounts(folder: string): Promise<number[]> {
  const archive = await openArchive(systemDisk, join(folder, 'archive'))
  const part = archive.open(archive.parts[0])
  const counts = part.blocks().map(({ count }) => count)
  part.close()
  return counts
}

function expected(texts: readonly string[]) {
  return texts.map((text, i): [string, string] => [`2026-11-23/${i}`, text])
}

test('archive: the windows of a sender are merged into blocks of 1 MiB as they come', async () => {
  const folder = archiveFolder()
  const intake = intakeIn(folder)
  const texts: string[] = []
  for (let window = 0; window < 140; window += 1) {
    const lines = Array.from(
      { length: 100 },
      (_, i) => `<34>Nov 23 11:59:${10 + (i % 50)} web-${i % 7} app[${window}]: request ${i} ${'of many '.repeat(10)}`,
    )
    texts.push(...lines)
    take(intake, window + 1, batchOf(lines, originOf(), NOON + window))
  }
  // A window is 13 KB: about eighty of them make a block of 1 MiB, and the others wait for the next one.
  const [large, ...small] = await blockCounts(folder)
  expect(large).toBeGreaterThan(7_000)
  expect(new Set(small)).toEqual(new Set([100]))
  expect([...(await stored(folder))]).toEqual(expected(texts))
  intake.close()
})

test('archive: a single small block between large ones, or at the end of a day, is converted to columns with an index', async () => {
  const folder = archiveFolder()
  const intake = intakeIn(folder)
  const lines = (name: string, count: number) =>
    Array.from({ length: count }, (_, i) => `<34>Nov 23 11:59:10 ${name} app[${i}]: ${'of many '.repeat(10)}`)
  const batches = [lines('large-1', 6_000), lines('lone', 30), lines('large-2', 6_000), lines('last', 20)]
  batches.forEach((batch, i) => take(intake, i + 1, batchOf(batch, originOf(), NOON + i)))
  while (intake.merge());
  const hosts = async () => {
    const archive = await openArchive(systemDisk, join(folder, 'archive'))
    const part = archive.open(archive.parts[0])
    const all = part.blocks().map((block) => block.hosts()?.bytes.toString())
    const mayContain = part.blocks().map((block) => block.mayContain(Buffer.from('large-'), false))
    part.close()
    return { all, mayContain }
  }
  expect(await hosts()).toEqual({
    all: ['large-1', 'lone', 'large-2', undefined],
    mayContain: [true, false, true, true],
  })
  // The first commit of the next day ends the part, so its last small block is converted as well.
  take(intake, 5, batchOf(['<34>Nov 24 11:59:10 next app: day'], originOf(), NOON + 86_400_000_000))
  expect(await hosts()).toEqual({ all: ['large-1', 'lone', 'large-2', 'last'], mayContain: [true, false, true, false] })
  const texts = (await stored(folder)).values()
  expect([...texts]).toEqual([...batches.flat(), '<34>Nov 24 11:59:10 next app: day'])
  intake.close()
})

test('archive: a damaged small block ends its part: it stays as it is, and new messages go into the next part', async () => {
  const folder = archiveFolder()
  const path = join(folder, 'archive', '2026-11-23.db')
  const before = intakeIn(folder)
  for (let id = 1; id <= 20; id += 1)
    take(before, id, batchOf([`<34>Nov 23 11:59:10 web app: ${id}`], originOf(), NOON))
  before.close()
  const sqlite = openToWrite(path)
  sqlite.exec("UPDATE data SET texts = x'' WHERE first = 7")
  sqlite.close()
  const warnings: string[] = []
  const intake = new Intake(
    join(folder, 'archive'),
    INSTANCE,
    ARCHIVE_PART_BYTES_MAX,
    (text) => void warnings.push(text),
  )
  intake.open([{ day: '2026-11-23', part: 1 }])
  expect(() => intake.merge()).toThrow(/2026-11-23\.db is damaged/)
  for (let id = 21; id <= 60; id += 1) {
    take(intake, id, batchOf([`<34>Nov 23 11:59:10 web app: ${id}`], originOf(), NOON))
    while (intake.merge());
  }
  expect(warnings).toEqual(['the current part of the archive is damaged; going on in the next one'])
  intake.close()
  // At the next start the part cannot be sealed either, and its summaries are unchanged.
  const later = new Intake(
    join(folder, 'archive'),
    INSTANCE,
    ARCHIVE_PART_BYTES_MAX,
    (text) => void warnings.push(text),
  )
  later.sealLeft([{ day: '2026-11-23', part: 1 }])
  expect(warnings.slice(1)).toEqual(['a part of the archive cannot be sealed'])
  const archive = await openArchive(systemDisk, join(folder, 'archive'))
  const counts = archive.parts.map((name) => {
    const part = archive.open(name)
    const { messages } = part.totals()
    part.close()
    return messages
  })
  expect(counts).toEqual([20, 40])
})

test('archive: a day whose small blocks cannot be merged is left unsealed, and the next day is stored', async () => {
  const folder = archiveFolder()
  const before = intakeIn(folder)
  for (let id = 1; id <= 5; id += 1) take(before, id, batchOf([`<34>Nov 23 11:59:10 web app: ${id}`], originOf(), NOON))
  before.close()
  const sqlite = openToWrite(join(folder, 'archive', '2026-11-23.db'))
  sqlite.exec("UPDATE data SET fields = x'05' WHERE first = 2")
  sqlite.close()
  const warnings: string[] = []
  const intake = new Intake(
    join(folder, 'archive'),
    INSTANCE,
    ARCHIVE_PART_BYTES_MAX,
    (text) => void warnings.push(text),
  )
  intake.open([{ day: '2026-11-23', part: 1 }])
  take(intake, 6, batchOf(['<34>Nov 24 11:59:10 web app: next'], originOf(), NOON + 86_400_000_000))
  expect(warnings).toEqual(['a part of the archive cannot be sealed'])
  intake.close()
  const archive = await openArchive(systemDisk, join(folder, 'archive'))
  expect(archive.parts.map(({ day }) => day)).toEqual(['2026-11-23', '2026-11-24'])
  const part = archive.open(archive.parts[1])
  expect(part.blocks()[0].decode().raw(0).toString()).toBe('<34>Nov 24 11:59:10 web app: next')
  part.close()
})

test('archive: messages of 4 KiB, which make up 1 MiB exactly, are merged', async () => {
  const folder = archiveFolder()
  const intake = intakeIn(folder)
  const texts = Array.from({ length: 300 }, (_, i) => `<34>Nov 23 11:59:10 web app: ${i} `.padEnd(4096, 'x'))
  texts.forEach((text, i) => {
    take(intake, i + 1, batchOf([text], originOf(), NOON + i))
    while (intake.merge());
  })
  expect((await blockCounts(folder)).length).toBeLessThan(60)
  expect([...(await stored(folder))]).toEqual(expected(texts))
  intake.close()
})

test.each([1, 2, 3, 4])(
  'archive: random commits with repeats, merges and restarts in between are stored once and in order (seed %i)',
  async (seed) => {
    const random = randomFrom(seed)
    const below = (n: number) => Math.floor(random() * n)
    const folder = archiveFolder()
    let intake = intakeIn(folder)
    const texts: string[] = []
    const position = { a: 0, b: 0 }
    for (let id = 1; id <= 150; id += 1) {
      const count = [1, 3, 40, 200, 4_000][below(100) < 4 ? 4 : below(4)]
      const name = below(2) === 0 ? 'a' : 'b'
      const lines = Array.from(
        { length: count },
        (_, i) => `<13>Nov 23 11:00:00 ${name}-${i % 5} p[${id}]: ${seed} ${i} ${'x'.repeat(below(200))}`,
      )
      const batch = batchOf(lines, originOf({ source: name }), NOON + id)
      // The batch begins with up to two messages that were sent before.
      const from = Math.max(0, position[name] - below(3))
      const ends = Uint32Array.from(lines, (_, i) => i + 1)
      const stream = { id: name.repeat(32), from, to: from + count, ends }
      texts.push(...lines.slice(position[name] - from))
      position[name] = Math.max(position[name], from + count)
      take(intake, id, { ...batch, runs: [{ ...batch.runs[0], stream }] })
      if (below(20) === 0) while (intake.merge());
      if (below(40) !== 0) continue
      intake.close()
      intake = intakeIn(folder)
      intake.open([{ day: '2026-11-23', part: 1 }])
    }
    expect([...(await stored(folder))]).toEqual(expected(texts))
    while (intake.merge());
    intake.close()
    expect([...(await stored(folder))]).toEqual(expected(texts))
  },
)
