// What the disk refuses in the data folder: the code of the fault decides which advice the operator gets.

import { expect, test } from 'vitest'
import { adviceFor } from '../config/advice.ts'
import { accessData } from '../common/data-access.ts'
import { systemError } from './spool/memory-disk.ts'

test.each([
  ['ENOSPC', 'DISK_FULL', 'free some space'],
  ['EDQUOT', 'DISK_FULL', 'free some space'],
  ['EIO', 'DISK_ERROR', 'dmesg'],
  ['EACCES', 'DATA_UNWRITABLE', 'make the folder writable'],
  ['EROFS', 'DATA_UNWRITABLE', 'make the folder writable'],
] as const)('%s in the data folder is %s', async (errno, code, advice) => {
  const failed = accessData('/data/instance', () => Promise.reject(systemError(errno)))
  await expect(failed).rejects.toMatchObject({ code, detail: expect.stringMatching(/^\/data\/instance: E/) as string })
  expect(adviceFor(code)).toContain(advice)
})
