// The blocks of archives on disk, as a search asks for them.

import { systemDisk } from '../../common/disk.ts'
import { Fault } from '../../common/fault.ts'
import type { StoredBlock } from './stored-block.ts'

/** Archives that are open to be read. */
export interface OpenArchives {
  /** Of all of them; in each in the order of intake. */
  blocks(): StoredBlock[]
  close(): void
}

/** Opens archives. Rejects with `ARCHIVE_MISSING` and `ARCHIVE_UNREADABLE`. */
export async function openArchives(folders: readonly string[]): Promise<OpenArchives> {
  for (const folder of folders) {
    if (!(await systemDisk.stat(folder))) throw new Fault('ARCHIVE_MISSING', missing(folder))
  }
  throw new Fault('ARCHIVE_UNREADABLE', 'archives cannot be read yet')
}

function missing(folder: string): string {
  return `there is no archive in ${folder}: a server with a destination of type archive makes one, --archive DIR names another`
}
