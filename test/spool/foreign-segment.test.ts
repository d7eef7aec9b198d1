// Something in the folder of a spool has the name of a segment, but is none.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemDisk } from '../../common/disk.ts'
import { SlabPool } from '../../common/pipeline/slab.ts'
import { viewSpool } from '../../common/spool/spool-view.ts'
import { fakePlatform } from '../fake/platform.ts'
import { MemoryDisk } from './memory-disk.ts'
import {
  closed,
  FOLDER,
  large,
  opened,
  segmentsOf,
  spoolIn,
  streamBatch,
  during,
  takeAll,
  written,
} from './surroundings.ts'

test('spool: a copy of a segment under a later name is left alone, with a warning, and does not reset the marks', async () => {
  const disk = new MemoryDisk()
  const first = await opened(disk)
  const id = 'ab'.repeat(16)
  await during(first.platform, first.spool.write(streamBatch(id, 0, ['1', '2'])))
  await closed(first)
  const [path] = segmentsOf(disk)
  const copy = `${FOLDER}/0000000000000009.spool`
  disk.plant(copy, disk.files.get(path)!.now)
  const second = await opened(disk)
  await during(second.platform, second.spool.write(streamBatch(id, 2, ['3'])))
  await closed(second)

  const third = await opened(disk)
  expect(third.platform.log.lines.filter(({ values }) => values['path'] === copy)).toEqual([
    {
      level: 'warn',
      text: 'left alone, although it has the name of a segment: it is a copy of 0000000000000000.spool, or was renamed',
      values: { destination: 'central', path: copy },
    },
  ])
  expect(third.spool.positionOf(id)).toBe(3)
  expect(await takeAll(third.spool)).toEqual(['1', '2', '3'])
  expect(disk.files.has(copy)).toBe(true)
})

test('spool: a renamed segment is missing, and is read again after it has got its name back', async () => {
  const disk = new MemoryDisk()
  const first = await opened(disk, { bytesMax: 1024 * 1024 })
  await written(first.platform, first.spool, ...Array.from({ length: 12 }, (_, i) => large(i)))
  await closed(first)
  const [, path] = segmentsOf(disk)
  const renamed = `${FOLDER}/0000000000000100.spool`
  disk.move(path, renamed)
  const second = await opened(disk, { bytesMax: 1024 * 1024 })
  expect((await takeAll(second.spool)).length).toBe(8)
  expect(await second.platform.metrics.total('sluice_dropped_total')).toBe(4)
  expect(disk.files.has(renamed)).toBe(true)
})

test('spool: a folder with the name of a segment is left alone, with a warning', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-spool-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const strange = join(folder, '0000000000000000.spool')
  mkdirSync(strange)
  const platform = fakePlatform(systemDisk)
  const spool = spoolIn(folder, platform)
  await spool.open()
  expect(platform.log.lines.map(({ text, values }) => [values['path'], text])).toEqual([
    [strange, 'left alone, although it has the name of a segment: it is a folder'],
  ])
  await spool.closeIntake(0)
  await spool.close()
  const view = (await viewSpool(systemDisk, folder, new SlabPool()))!
  const reasons: (string | undefined)[] = []
  for await (const segment of view.segments()) {
    for await (const item of segment.items()) if (item.kind === 'damage') reasons.push(item.reason)
  }
  expect(reasons).toEqual(['not a segment of this spool: it is a folder'])
})
