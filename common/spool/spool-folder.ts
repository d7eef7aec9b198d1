// The folder of a spool. It is made at the start, and again if somebody removes it while the program runs.

import { dirname } from 'node:path'
import type { Disk, DiskFile } from '../disk.ts'
import { errnoOf } from '../fault.ts'

/** Creates the folder and its missing parents, durably. */
export async function makeSpoolFolder(disk: Disk, folder: string): Promise<void> {
  const made = await disk.makeFolder(folder)
  // Each folder that was just created is an entry of its parent, so every parent is synced.
  for (let path = folder; made !== undefined && path.length >= made.length; path = dirname(path)) {
    await disk.syncFolder(dirname(path))
  }
}

/** Opens a file in the folder for writing; creates both if they are missing. */
export async function openInSpool(disk: Disk, folder: string, path: string): Promise<DiskFile> {
  try {
    return await disk.open(path, 'write')
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
    await makeSpoolFolder(disk, folder)
    return disk.open(path, 'write')
  }
}
