// A file by its inode: names come and go.

import type { Disk, DiskFile, FileStat } from '../../common/disk.ts'
import { errnoOf } from '../../common/fault.ts'
import { nameBytes } from './pattern.ts'

/** Device and inode as one key. */
export function inodeKey({ device, inode }: Pick<FileStat, 'device' | 'inode'>): string {
  return `${device}:${inode}`
}

/** The file that was found there; undefined where it was renamed meanwhile: the next look finds it, or it is one that came between. */
export async function openFound(disk: Disk, key: string, path: string): Promise<DiskFile | undefined> {
  let file: DiskFile
  try {
    file = await disk.open(nameBytes(path), 'read')
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
    return undefined
  }
  return orClosed(file, async () => (inodeKey(await file.stat()) === key ? file : undefined))
}

/** What `look` finds in an open file, which is closed where that is nothing, or cannot be told. */
export async function orClosed<Found>(file: DiskFile, look: () => Promise<Found>): Promise<Found> {
  let isFound = false
  try {
    const found = await look()
    isFound = found !== undefined
    return found
  } finally {
    if (!isFound) await file.close()
  }
}
