// `sluice grep` by a user who may read only some of an archive: that is searched, and for the rest the user is told that permission
// is missing, not that it is damaged.

import { chmodSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { openToWrite } from '../../collector/archive/sqlite.ts'
import { run, temporaryFolder } from '../end-to-end/program.ts'
import { writeArchive } from './written-archive.ts'

// Root may read everything, so if the tests run as root, the search runs as another user.
const user = process.getuid?.() === 0 ? { uid: 65534 } : {}
const DAY_US = 86_400_000_000
const NOVEMBER_20 = Date.UTC(2026, 10, 20, 10) * 1000

let archive = ''

beforeEach(() => {
  archive = join(temporaryFolder(), 'archive')
  chmodSync(join(archive, '..'), 0o755)
  for (const [i, word] of ['first', 'second', 'third'].entries()) {
    const received = NOVEMBER_20 + i * DAY_US
    writeArchive(archive, `2026-11-2${i}`, [{ text: `<13>Nov 2${i} 10:00:00 web-1 app: ${word}`, received }], 10)
  }
  allow('', 0o755)
})

function allow(name: string, mode: number): void {
  chmodSync(join(archive, name), mode)
}

const grep = (...words: string[]) => run(['grep', '-O', 'cat', '--archive', archive, ...words], user)

test('a day without read permission is reported, and the other days are searched', async () => {
  allow('2026-11-21.db', 0)
  const { status, stdout, stderr } = await grep('i')
  expect({ status, stdout }).toEqual({ status: 2, stdout: 'first\nthird\n' })
  expect(stderr).toBe(
    `sluice grep: this user may not read ${archive}/2026-11-21.db; search as the user that sluice runs as, or as root\n`,
  )
})

test('a day that is not sealed cannot be read without write permission, and that is reported', async () => {
  const path = join(archive, '2026-11-22.db')
  const sqlite = openToWrite(path)
  sqlite.pragma('user_version = 1')
  sqlite.close()
  expect(existsSync(`${path}-wal`)).toBe(false)
  allow('', 0o555)
  onTestFinished(() => allow('', 0o755))
  const { status, stdout, stderr } = await grep('s')
  expect({ status, stdout }).toEqual({ status: 2, stdout: 'first\nsecond\n' })
  expect(stderr).toContain(`${path} is not sealed and lacks its -wal or -shm file`)
  expect(stderr).toContain('takes write permission on its folder')
})

test('if one of several archives is missing or may not be read, that is reported and the others are searched', async () => {
  const closed = temporaryFolder()
  chmodSync(closed, 0)
  onTestFinished(() => chmodSync(closed, 0o755))
  const { status, stdout, stderr } = await grep('--archive', `${archive}-2`, '--archive', closed, 'first')
  expect({ status, stdout }).toEqual({ status: 2, stdout: 'first\n' })
  expect(stderr.split('\n').slice(0, -1)).toEqual([
    expect.stringContaining(`there is no archive at ${archive}-2`),
    expect.stringContaining(`this user may not read the archive ${closed}`),
  ])
})
