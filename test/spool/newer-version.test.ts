// A spool of a newer program: this one must not take it for damage and remove it.

import { expect, test } from 'vitest'
import { SlabPool } from '../../common/pipeline/slab.ts'
import { viewSpool } from '../../common/spool/spool-view.ts'
import { fakePlatform } from '../fake/platform.ts'
import { MemoryDisk } from './memory-disk.ts'
import { closed, FOLDER, opened, readAll, segmentsOf, spoolOn, written } from './surroundings.ts'

const VERSION_AT = 8
const COPY_EVERY = 4096

/** A spool with one message, in which both copies of `acknowledged` were written. */
async function stopped(): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  const run = await opened(disk)
  await written(run.platform, run.spool, 'one')
  await run.platform.clock.pass(2_000)
  await closed(run)
  return disk
}

const acknowledgedOf = (disk: MemoryDisk) => disk.files.get(`${FOLDER}/acknowledged`)!.now

test('spool: one that a newer program wrote is refused, and stays as it is', async () => {
  const disk = await stopped()
  for (const copy of [0, COPY_EVERY]) acknowledgedOf(disk).writeUInt32LE(4, copy + VERSION_AT)
  const segment = disk.files.get(segmentsOf(disk)[0])!
  segment.now.writeUInt32LE(2, VERSION_AT)
  const before = Buffer.from(segment.now)
  const refusal = `DATA_NEWER: ${FOLDER}/acknowledged has version 4 of the format, and this sluice reads 3`
  await expect(spoolOn(fakePlatform(disk)).open()).rejects.toThrow(refusal)
  await expect(viewSpool(disk, FOLDER, new SlabPool())).rejects.toThrow(refusal)
  expect(disk.files.get(segmentsOf(disk)[0])!.now).toEqual(before)
})

test('spool: damage to the version of one copy of `acknowledged` is no newer program', async () => {
  for (const copy of [0, COPY_EVERY]) {
    const disk = await stopped()
    acknowledgedOf(disk).writeUInt32LE(4, copy + VERSION_AT)
    expect(await readAll((await opened(disk)).spool)).toEqual(['one'])
  }
})
