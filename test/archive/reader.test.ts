// Reading an archive without permission, and while its server is started.

import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openArchive, type Block } from '../../collector/archive/reader.ts'
import { systemDisk } from '../../common/disk.ts'
import { batchOf, originOf } from '../fake/batch.ts'
import { fakePlatform } from '../fake/platform.ts'
import { openedArchive, stored, temporaryFolder } from './surroundings.ts'

const NOON = Date.UTC(2026, 10, 23, 12) * 1000

test('opening an archive that this user may not read is a fault that says as which user to search', async () => {
  const denied = () => Promise.reject(Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' }))
  for (const disk of [
    { ...systemDisk, stat: denied },
    { ...systemDisk, list: denied },
  ]) {
    await expect(openArchive(disk, tmpdir())).rejects.toMatchObject({
      code: 'ARCHIVE_FORBIDDEN',
      detail: `this user may not read the archive ${tmpdir()}; search as the user that sluice runs as, or as root`,
    })
  }
})

test('a server starts while its newest part is being read, and the reader still gets the blocks that it has listed', async () => {
  const folder = temporaryFolder()
  const one = (text: string) => batchOf([`<13>Nov 23 11:59:10 web app: ${text}`], originOf(), NOON)
  const before = await openedArchive(fakePlatform(), folder)
  await before.write(one('before'))
  await before.close(5_000)
  // Opened like this by a `sluice grep` that waits in a pager.
  const reader = await openArchive(systemDisk, join(folder, 'archive'))
  const part = reader.open(reader.parts[0])
  const [block] = part.blocks()
  const read = ({ count }: Block) => {
    const decoded = block.decode()
    return Array.from({ length: count }, (_, i) => decoded.raw(i).toString())
  }
  const texts = read(block)
  expect(texts).toEqual([expect.stringContaining('before')])
  const after = await openedArchive(fakePlatform(), folder)
  await after.write(one('after'))
  expect(read(block)).toEqual(texts)
  // Once the block is merged, its messages cannot be told from newer ones: reading it is a fault.
  for (let i = 0; i < 40; i += 1) await after.write(one(`more ${i}`))
  const isMerged = () => {
    const now = reader.open(reader.parts[0])
    const [{ count }] = now.blocks()
    now.close()
    return count > 1
  }
  await expect.poll(isMerged).toBe(true)
  expect(() => read(block)).toThrow(/2026-11-23\.db was changed while it was read; search again/)
  part.close()
  await after.close(5_000)
  expect([...(await stored(folder)).values()]).toHaveLength(42)
})
