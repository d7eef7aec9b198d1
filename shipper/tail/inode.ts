// Files are identified by device and inode, since their names change. What is at a name, and by which path without links.

import type { Disk, DiskFile, FileStat } from '../../common/disk.ts'
import { errnoOf } from '../../common/fault.ts'
import { nameBytes, nameText } from './pattern.ts'

/** Device and inode as one key: `device:inode`. */
export function inodeKey({ device, inode }: Pick<FileStat, 'device' | 'inode'>): string {
  return `${device}:${inode}`
}

/** Whether the file with this inode key is at `path`. False if that cannot be told. */
export async function isAt(disk: Disk, key: string, path: string): Promise<boolean> {
  const stat = await disk.stat(nameBytes(path)).catch(() => undefined)
  return stat !== undefined && inodeKey(stat) === key
}

/** The path without symbolic links of the file with this inode key; undefined if `path` has no links or it cannot be told. */
export async function realPathOf(disk: Disk, path: string, key: string): Promise<string | undefined> {
  const real = await disk.realPath(nameBytes(path)).catch(() => undefined)
  if (!real || nameText(real) === path) return undefined
  const stat = await disk.statLink(real).catch(() => undefined)
  return stat && inodeKey(stat) === key ? nameText(real) : undefined
}

/** Opens the file with this inode key at `path`; undefined if it is no longer there: the next sweep, or listing, finds it. */
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

/** The result of `look` at an open file. The file is closed if the result is undefined or `look` rejects. */
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
