// The log of positions where its disk fails at its beginning.

import { expect, test } from 'vitest'
import { PositionLog } from '../../collector/file/position-log.ts'
import { failOnce, MemoryDisk } from '../spool/memory-disk.ts'

const FOLDER = '/data/files'
const STREAM = 'a'.repeat(32)

const record = (position: number) => ({ files: [], marks: new Map([[STREAM, { position, until: 30_000 }]]), gone: [] })

test.each(['open', 'truncate', 'syncFolder'])(
  'a position is kept only where the log keeps its name: %s fails once at its first record',
  async (failing) => {
    const disk = new MemoryDisk()
    failOnce(disk, failing)
    const log = new PositionLog(disk, FOLDER, () => 0)
    await expect(log.append(record(1))).rejects.toMatchObject({ code: 'EIO' })
    await log.append(record(2))
    // Of what is not synced, names too, nothing outlives this power cut.
    const later = new PositionLog(
      disk.afterPowerCut(() => 0.99),
      FOLDER,
      () => 0,
    )
    await later.read()
    expect(later.positionsOf([STREAM])).toEqual(new Map([[STREAM, 2]]))
  },
)
