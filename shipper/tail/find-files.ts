// The sweep: every file that the patterns match, now.

import { reasonOf } from '../../common/fault.ts'
import type { Disk, FileStat } from '../../common/disk.ts'
import { nameBytes, nameText, type PathPatterns } from './pattern.ts'

export interface FoundFile {
  /** As a name text (`pattern.ts`). */
  readonly path: string
  readonly stat: FileStat
}

/** Calls `found` for each file; `failed` for a folder or file that cannot be looked at. Links are followed. */
export async function findFiles(
  disk: Disk,
  patterns: PathPatterns,
  found: (file: FoundFile) => void,
  failed: (path: string, reason: string) => void,
): Promise<void> {
  const visit = async (folder: string, depth: number): Promise<void> => {
    let names: Buffer[]
    try {
      names = await disk.list(nameBytes(folder))
    } catch (error) {
      return failed(folder, reasonOf(error))
    }
    for (const name of names) {
      const path = folder === '/' ? `/${nameText(name)}` : `${folder}/${nameText(name)}`
      const matches = patterns.matches(path)
      if (!matches && depth <= 1) continue
      try {
        const stat = await disk.stat(nameBytes(path))
        if (stat?.kind === 'file' && matches) found({ path, stat })
        else if (stat?.kind === 'folder' && depth > 1) await visit(path, depth - 1)
      } catch (error) {
        failed(path, reasonOf(error))
      }
    }
  }
  for (const base of patterns.bases) await visit(base, patterns.depth)
}
