// A disk that refuses to read a part of a spool: whoever has to act learns which file it is.

import { expect, test } from 'vitest'
import { SlabPool } from '../../common/pipeline/slab.ts'
import { viewSpool } from '../../common/spool/spool-view.ts'
import { fakePlatform } from '../fake/platform.ts'
import { MemoryDisk, systemError } from './memory-disk.ts'
import { closed, FOLDER, opened, segmentsOf, spoolOn, written } from './surroundings.ts'

/** A stopped spool with a segment. */
async function stopped(): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  const run = await opened(disk)
  await written(run.platform, run.spool, 'one')
  await closed(run)
  return disk
}

/** Lets segments be opened once more, and refuses to read them. */
function refuse(disk: MemoryDisk): void {
  let isOpen = false
  disk.failing = (operation, path) => {
    if (operation !== 'read' || !path.endsWith('.spool')) return undefined
    if (isOpen) return systemError('EIO')
    isOpen = true
    return undefined
  }
}

test('spool: a start that the disk refuses names the segment', async () => {
  const disk = await stopped()
  refuse(disk)
  const opening = spoolOn(fakePlatform(disk)).open()
  await expect(opening).rejects.toThrow(`DISK_ERROR: ${segmentsOf(disk)[0]}: EIO`)
})

test('spool: a read that the disk refuses names the segment', async () => {
  const disk = await stopped()
  const { spool } = await opened(disk)
  refuse(disk)
  await expect(spool.next()).rejects.toThrow(`DISK_ERROR: ${segmentsOf(disk)[0]}: EIO`)
})

test('view: what the disk refuses to read is damage, and does not hide the segment', async () => {
  const disk = await stopped()
  refuse(disk)
  const view = (await viewSpool(disk, FOLDER, new SlabPool()))!
  const kinds: string[] = []
  for await (const segment of view.segments()) for await (const { kind } of segment.items()) kinds.push(kind)
  expect(kinds).toEqual(['damage'])
})
