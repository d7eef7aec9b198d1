// `max_size`: only whole files are removed, and never the newest, so files are smaller than a small `max_size`.

import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Intake } from '../../collector/archive/intake.ts'
import { openArchive } from '../../collector/archive/reader.ts'
import { partBytesMaxOf, Retention } from '../../collector/archive/retention.ts'
import { fileNameOf } from '../../collector/archive/schema.ts'
import { systemDisk } from '../../common/disk.ts'
import { randomFrom } from '../bench/corpus.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { FakeClock } from '../fake/clock.ts'
import { fakeLog } from '../fake/log.ts'
import { stored, temporaryFolder } from './surroundings.ts'

const MiB = 1024 * 1024
const NOON = Date.UTC(2026, 10, 23, 12) * 1000

test('a file is at most a quarter of `max_size`, within 16 MiB and 4 GiB', () => {
  const bytesMaxOf = (bytesMax?: number) => partBytesMaxOf({ keepMs: undefined, bytesMax }) / MiB
  expect(bytesMaxOf(1024 * MiB)).toBe(256)
  expect(bytesMaxOf(16 * MiB)).toBe(16)
  expect(bytesMaxOf(50 * 1024 * MiB)).toBe(4096)
  expect(bytesMaxOf()).toBe(4096)
})

test('a day that is larger than `max_size` is kept within it: its oldest files are removed, and its newest messages stay', async () => {
  const folder = temporaryFolder()
  const archive = join(folder, 'archive')
  mkdirSync(archive)
  const intake = new Intake(archive, 7, MiB, (text) => expect.unreachable(text))
  const random = randomFrom(1)
  const texts: string[] = []
  for (let id = 1; id <= 16; id += 1) {
    // Digits that do not compress to less than half, of which 1.2 MB are a large block.
    const lines = Array.from(
      { length: 1_200 },
      (_, i) => `<13>${id} ${i} ${Array.from({ length: 60 }, random).join('')}`,
    )
    texts.push(...lines)
    intake.add({ id, batch: batchOf(lines, originOf(), NOON + id) })
    while (!intake.step());
  }
  intake.close()
  const bytesIn = async () => {
    const { parts } = await openArchive(systemDisk, archive)
    return parts.reduce((sum, part) => sum + statSync(join(archive, fileNameOf(part))).size, 0)
  }
  const bytes = await bytesIn()
  expect(bytes).toBeGreaterThan(5 * MiB)
  const surroundings = { clock: new FakeClock(), disk: systemDisk, log: fakeLog() }
  await new Retention(archive, { keepMs: undefined, bytesMax: 4 * MiB }, surroundings).sweep()
  expect(await bytesIn()).toBeLessThanOrEqual(4 * MiB)
  expect(await bytesIn()).toBeGreaterThan(2 * MiB)
  const kept = [...(await stored(folder)).values()]
  expect(kept.length).toBeGreaterThan(0)
  expect(kept).toEqual(texts.slice(-kept.length))
})
