// The position log on a disk that fails at its first record.

import { expect, test } from 'vitest'
import { PositionLog } from '../../collector/file/position-log.ts'
import { STREAM_MARKS_MAX } from '../../common/limits.ts'
import { failOnce, MemoryDisk } from '../spool/memory-disk.ts'

const FOLDER = '/data/files'
const STREAM = 'a'.repeat(32)

const record = (position: number) => ({ files: [], marks: new Map([[STREAM, { position, until: 30_000 }]]), gone: [] })

test.each(['open', 'truncate', 'syncFolder'])(
  'after %s has failed once at the first record of the position log, the next record survives a power cut',
  async (failing) => {
    const disk = new MemoryDisk()
    failOnce(disk, failing)
    const log = new PositionLog(disk, FOLDER, () => 0)
    await expect(log.append(record(1))).rejects.toMatchObject({ code: 'EIO' })
    await log.append(record(2))
    // This power cut loses everything unsynced, including directory entries.
    const later = new PositionLog(
      disk.afterPowerCut(() => 0.99),
      FOLDER,
      () => 0,
    )
    await later.read()
    expect(later.positionsOf([STREAM])).toEqual(new Map([[STREAM, 2]]))
  },
)

test('a file that is retired while a record is written is gone with the next record', async () => {
  const disk = new MemoryDisk()
  const open = disk.open.bind(disk)
  let whileWritten = () => {}
  disk.open = async (...how) => {
    const file = await open(...how)
    const sync = file.sync.bind(file)
    return Object.assign(file, { sync: () => [whileWritten(), sync()][1] })
  }
  const log = new PositionLog(disk, FOLDER, () => 0)
  const file = { device: 1n, inode: 2n }
  const entry = { path: '/a.log', device: '1', inode: '2', length: 10 }
  log.retire(file)
  // Its inode number is given to a new file, which is renamed as well.
  whileWritten = () => log.retire(file)
  await log.append({ ...record(1), files: [entry] })
  whileWritten = () => {}
  expect(log.files).toEqual([entry])
  await log.append(record(2))
  expect(log.files).toEqual([])
})

test.each(['before', 'after'])(
  'a rewrite that fails %s the log was replaced is made up for: later records are whole, and entries that were dropped stay dropped',
  async (when) => {
    const disk = new MemoryDisk()
    const log = new PositionLog(disk, FOLDER, () => 0)
    const entry = { path: '/a.log', device: '1', inode: '2', length: 10 }
    await log.append({ ...record(1), files: [entry] })
    await log.append(record(2))
    const replace = disk.replaceFile.bind(disk)
    disk.replaceFile = async (path, bytes) => {
      disk.replaceFile = replace
      if (when === 'after') await replace(path, bytes)
      throw Object.assign(new Error('EIO'), { code: 'EIO' })
    }
    await expect(log.rewrite(() => false)).rejects.toMatchObject({ code: 'EIO' })
    await log.append(record(3))
    const later = new PositionLog(disk, FOLDER, () => 0)
    await later.read()
    expect(later.positionsOf([STREAM])).toEqual(new Map([[STREAM, 3]]))
    expect([later.files, later.damagedBytes]).toEqual([[], 0])
  },
)

test('marks of streams that a peer invents are bounded: those of the same day that moved first are forgotten', async () => {
  const disk = new MemoryDisk()
  const log = new PositionLog(disk, FOLDER, () => 0)
  await log.append(record(1))
  const many = Array.from({ length: STREAM_MARKS_MAX }, (_, i) => i.toString(16).padStart(32, '0'))
  await log.append({ files: [], marks: new Map(many.map((id) => [id, { position: 5, until: 30_000 }])), gone: [] })
  await log.append(record(2))
  await log.rewrite(() => false)
  expect(log.marks.size).toBe((3 * STREAM_MARKS_MAX) / 4)
  expect(log.positionsOf([many[0], many.at(-1)!, STREAM])).toEqual(new Map([[many.at(-1)!, 5]]).set(STREAM, 2))
})
