// Where an archive cannot be looked into at all.

import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { openArchive } from '../../collector/archive/reader.ts'
import { systemDisk } from '../../common/disk.ts'

test('an archive that this user may not read: it is said so, and as whom to search', async () => {
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
