// Finds every file that currently matches the patterns.

import { isOutOfDescriptors, reasonOf } from '../../common/fault.ts'
import type { Disk, FileStat } from '../../common/disk.ts'
import { inodeKey } from './inode.ts'
import { nameBytes, nameText, type PathPatterns } from './pattern.ts'

export interface FoundFile {
  /** In the encoding of `nameText` (`pattern.ts`). */
  readonly path: string
  readonly stat: FileStat
}

const FOLDER = 'this is a folder: name the files in it, for instance with *.log'
const NO_FILE = 'this is a pipe, a socket or a device: only regular files are followed'

/** Receives what is found. */
export interface Finder {
  file(found: FoundFile): void
  /** A folder that was listed; `key` is its device and inode. */
  folder(path: string, key: string): void
  /** A folder or file that cannot be listed or examined. */
  failed(path: string, reason: string): void
}

/**
 * Goes through everything that the patterns may match. Symbolic links are followed. Rejects if the process is out of descriptors, since
 * files that were not found may exist.
 */
export async function findFiles(disk: Disk, patterns: PathPatterns, finder: Finder): Promise<void> {
  const visit = async (folder: string, stat: FileStat, depth: number, above: readonly string[]): Promise<void> => {
    const key = inodeKey(stat)
    // A link to a folder above it would never end.
    if (above.includes(key)) return
    const names = await disk.list(nameBytes(folder))
    finder.folder(folder, key)
    if (depth > 1) for (const name of names) await look(join(folder, name), depth - 1, [...above, key])
    else await lookAtFiles(folder, names)
  }
  // Whoever names a folder or a pipe waits for lines that never come. A pattern may well match some.
  const notFollowed = (path: string, { kind }: FileStat): void => {
    if (kind !== 'file' && patterns.names(path)) finder.failed(path, kind === 'folder' ? FOLDER : NO_FILE)
  }
  const look = async (path: string, depth: number, above: readonly string[]): Promise<void> => {
    try {
      const stat = await disk.stat(nameBytes(path))
      if (stat) notFollowed(path, stat)
      if (stat?.kind === 'file' && patterns.matches(path)) finder.file({ path, stat })
      else if (stat?.kind === 'folder' && depth > 0) await visit(path, stat, depth, above)
    } catch (error) {
      if (isOutOfDescriptors(error)) throw error
      finder.failed(path, reasonOf(error))
    }
  }
  // For the deepest level, which has only files, possibly thousands.
  const lookAtFiles = (folder: string, names: readonly Buffer[]): Promise<void> =>
    disk.statAll(
      nameBytes(folder),
      names.filter((name) => patterns.matches(join(folder, name))),
      (name, stat, error) => {
        const path = join(folder, name)
        if (error !== undefined) finder.failed(path, reasonOf(error))
        else if (stat?.kind === 'file') finder.file({ path, stat })
        else if (stat) notFollowed(path, stat)
      },
    )
  for (const base of patterns.bases) await look(base, patterns.depth, [])
}

function join(folder: string, name: Buffer): string {
  return folder === '/' ? `/${nameText(name)}` : `${folder}/${nameText(name)}`
}
