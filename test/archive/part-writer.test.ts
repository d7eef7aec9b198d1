// A transaction that fails: faults of the disk are told apart from bugs of our own, and nothing of it is stored.

import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { addBatch } from '../../collector/archive/batch-rows.ts'
import { BlockBuilder } from '../../collector/archive/block-builder.ts'
import { Database, archiveFault, writeFault } from '../../collector/archive/sqlite.ts'
import { PartWriter } from '../../collector/archive/part-writer.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { temporaryFolder } from './surroundings.ts'

const RECEIVED = Date.UTC(2026, 10, 23, 12) * 1000

test('a bug of our own in a transaction is thrown as it is, not as a fault, which would be retried for ever', () => {
  const part = new PartWriter(join(temporaryFolder(), '2026-11-23.db'), { day: '2026-11-23', part: 1 }, 0)
  onTestFinished(() => part.close())
  const builder = new BlockBuilder()
  addBatch(batchOf(['<34>Nov 23 11:59:10 web app: text'], originOf(), RECEIVED), undefined, builder, () => {})
  const block = builder.finish()
  const broken = { ...block, timeMin: {} as number }
  expect(() => part.commit([block, broken], new Map(), 7, 1)).toThrow(RangeError)
  expect(part).toMatchObject({ isNew: true, nextOrdinal: 0 })
  part.commit([block], new Map(), 7, 1)
  expect(part.intake(1).settled).toBe(1)
  expect(part.nextOrdinal).toBe(1)
})

// Stands for a file on a failing disk: the first address of a process is not mapped, so reading there fails with EIO.
const FAILING = '/proc/self/mem'

test.runIf(existsSync(FAILING))('a part that the disk cannot read is retried, and not left behind as damaged', () => {
  // SQLite 3.53 reports this for an EIO after the first pages.
  const error = new Database.SqliteError('database disk image is malformed', 'SQLITE_CORRUPT')
  const damaged = join(temporaryFolder(), '2026-11-23.db')
  writeFileSync(damaged, 'damaged')
  expect(archiveFault(error, FAILING)).toMatchObject({ code: 'DISK_ERROR', retryable: true })
  expect(archiveFault(error, damaged)).toMatchObject({ code: 'ARCHIVE_UNREADABLE', retryable: false })
})

// SQLite's own errors, which name neither the reason nor the folder.
const refusals = [
  ['unable to open database file', 'SQLITE_CANTOPEN'],
  ['attempt to write a readonly database', 'SQLITE_READONLY'],
] as const

test.for(refusals)(
  '"%s" on a file system that has become read-only is a fault of the disk',
  ([text, code], context) => {
    const folder = temporaryFolder()
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'none', folder], { stdio: 'ignore' })
    } catch {
      return context.skip('this user may not mount')
    }
    const fault = writeFault(new Database.SqliteError(text, code), join(folder, '2026-11-23.2.db'))
    execFileSync('umount', [folder])
    expect(fault).toMatchObject({
      ...{ code: 'DISK_ERROR', retryable: true, detail: `the file system of ${folder} is read-only` },
    })
  },
)

test.runIf(process.getuid?.() !== 0).each(refusals)('"%s" without permission is ARCHIVE_FORBIDDEN', (text, code) => {
  const folder = temporaryFolder()
  chmodSync(folder, 0o500)
  expect(writeFault(new Database.SqliteError(text, code), join(folder, '2026-11-23.2.db'))).toMatchObject({
    ...{ code: 'ARCHIVE_FORBIDDEN', retryable: true, detail: `this user may not write ${folder}` },
  })
})
