// The sweep: every file that the patterns match, now.

import { isOutOfDescriptors, reasonOf } from '../../common/fault.ts'
import type { Disk, FileStat } from '../../common/disk.ts'
import { inodeKey } from './inode.ts'
import { nameBytes, nameText, type PathPatterns } from './pattern.ts'

export interface FoundFile {
  /** As a name text (`pattern.ts`). */
  readonly path: string
  readonly stat: FileStat
}

/** Hears of what is found. */
export interface Finder {
  file(found: FoundFile): void
  /** A folder that was looked into; `key` is its device and inode. */
  folder(path: string, key: string): void
  /** A folder or file that cannot be looked at. */
  failed(path: string, reason: string): void
}

/**
 * Looks at everything that the patterns may match. Links are followed. Rejects where there are no descriptors to look with: what
 * was not found may be there.
 */
export async function findFiles(disk: Disk, patterns: PathPatterns, finder: Finder): Promise<void> {
  const visit = async (folder: string, stat: FileStat, depth: number, above: readonly string[]): Promise<void> => {
    const key = inodeKey(stat)
    // A link to a folder above it has no end.
    if (above.includes(key)) return
    const names = await disk.list(nameBytes(folder))
    finder.folder(folder, key)
    if (depth > 1) for (const name of names) await look(join(folder, name), depth - 1, [...above, key])
    else await lookAtFiles(folder, names)
  }
  const look = async (path: string, depth: number, above: readonly string[]): Promise<void> => {
    try {
      const stat = await disk.stat(nameBytes(path))
      if (stat?.kind === 'file' && patterns.matches(path)) finder.file({ path, stat })
      else if (stat?.kind === 'folder' && depth > 0) await visit(path, stat, depth, above)
    } catch (error) {
      if (isOutOfDescriptors(error)) throw error
      finder.failed(path, reasonOf(error))
    }
  }
  // Where nothing but files is wanted, which may be thousands.
  const lookAtFiles = (folder: string, names: readonly Buffer[]): Promise<void> =>
    disk.statAll(
      nameBytes(folder),
      names.filter((name) => patterns.matches(join(folder, name))),
      (name, stat, error) => {
        const path = join(folder, name)
        if (error !== undefined) finder.failed(path, reasonOf(error))
        else if (stat?.kind === 'file') finder.file({ path, stat })
      },
    )
  for (const base of patterns.bases) await look(base, patterns.depth, [])
}

function join(folder: string, name: Buffer): string {
  return folder === '/' ? `/${nameText(name)}` : `${folder}/${nameText(name)}`
}
