// Begins to follow a file: reads what it is recognised by.

import type { DiskFile } from '../../common/disk.ts'
import { readFully } from '../../common/read-fully.ts'
import { HEAD_BYTES, TAIL_BYTES } from './fingerprint.ts'
import { FollowedFile, type FollowedFrom } from './followed-file.ts'

/**
 * Follows a file from a position, before which the bytes `known` are expected. Reads `file`; the descriptor stays the caller's.
 * Rejects with EAGAIN if the file was truncated since it was found.
 */
export async function followFrom(
  from: FollowedFrom,
  file: DiskFile,
  known: Buffer = Buffer.alloc(0),
): Promise<FollowedFile> {
  const { position, stat } = from
  // The head first, so that the tail shows a truncation in between; without what an empty file has got since, which may be a copy's.
  const head = await readFully(file, 0, Math.min(stat.size, HEAD_BYTES))
  const tailAt = Math.max(0, position - TAIL_BYTES)
  const tail = await readFully(file, tailAt, position - tailAt)
  if (tail.length < position - tailAt || !tail.subarray(tail.length - known.length).equals(known)) {
    throw Object.assign(new Error('EAGAIN: it was cut as it was opened'), { code: 'EAGAIN' })
  }
  return new FollowedFile(from, head, tail)
}
