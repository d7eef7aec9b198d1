// A group moves to a new segment because the disk was full.

import { expect, test } from 'vitest'
import { MemoryDisk, systemError } from './memory-disk.ts'
import { batchFor, closed, during, opened, reached, takeAll } from './surroundings.ts'

test('spool: one message after a segment with marks only is read, if the disk was full when it was written', async () => {
  const disk = new MemoryDisk()
  const run = await opened(disk)
  const { platform, spool } = run
  await during(platform, spool.write(reached(new Map([['ab'.repeat(16), 5]]))))
  let failures = 1
  disk.failing = (operation) => {
    if (operation !== 'write' || failures === 0) return undefined
    failures -= 1
    return Object.assign(systemError('ENOSPC'), { bytesWritten: 0 })
  }
  await during(platform, spool.write(batchFor(['only'])))
  expect(failures).toBe(0)
  expect(spool.messages).toBe(1)
  await closed(run)
  const next = await opened(disk)
  expect(await takeAll(next.spool)).toEqual(['only'])
})
