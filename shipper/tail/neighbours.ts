// The other files in the folder of a file. Each folder is listed once, until `lookAgain`.

import { basename, dirname } from 'node:path'
import type { Disk, FileStat } from '../../common/disk.ts'
import { errnoOf, isOutOfDescriptors } from '../../common/fault.ts'
import { OLD_FOLDERS_MAX } from '../../common/limits.ts'
import { inodeKey } from './inode.ts'
import { nameBytes, nameText } from './pattern.ts'
import { beginningsOf, isSibling } from './rotated-name.ts'

/** A file in the folder of a followed one, as it was listed. */
export interface Neighbour {
  readonly path: string
  readonly stat: FileStat
}

/** One listing of a folder. */
interface Listing {
  readonly byKey: ReadonlyMap<string, Neighbour>
  /** Paths of the folders in it. */
  readonly folders: readonly string[]
  /** Entries for which stat(2) failed, by path. */
  readonly failures: ReadonlyMap<string, unknown>
}

/** The files of a folder: by inode key, and in the order of names. */
interface Folder extends Listing {
  /** Two listings in a row agreed: a file that is not in them is not in the folder. */
  readonly isWhole: boolean
  readonly byName: readonly { readonly name: string; readonly key: string; readonly neighbour: Neighbour }[]
}

/** While files are renamed in a chain (`.2` to `.3`, `.1` to `.2`), a listing may miss a file or have it twice. So it is repeated. */
export const LOOKS_MAX = 5

export class Neighbours {
  readonly #disk: Disk
  readonly #folders = new Map<string, Folder>()

  constructor(disk: Disk) {
    this.#disk = disk
  }

  /** Forgets all listings. */
  lookAgain(): void {
    this.#folders.clear()
  }

  /** The files in its folder. Rejects if stat(2) fails for one of its siblings, since that may be the one that is wanted. */
  async of(path: string): Promise<Folder> {
    const folder = dirname(path)
    let near = this.#folders.get(folder)
    if (!near) this.#folders.set(folder, (near = await this.#agreed(folder)))
    for (const [failed, error] of near.failures) if (isSibling(failed, path)) throw error
    return near
  }

  /** The files whose names begin like those of its generations (`isSibling`). Rejects as `of` does. */
  async siblings(path: string): Promise<{ readonly key: string; readonly neighbour: Neighbour }[]> {
    // A binary search: a folder may have two thousand files, each with its own generations.
    const { byName } = await this.of(path)
    return beginningsOf(basename(path)).flatMap((beginning) => {
      const first = firstAtOrAfter(byName, beginning)
      let end = first
      while (byName[end]?.name.startsWith(beginning)) end += 1
      return byName.slice(first, end)
    })
  }

  /** The paths that this one would have in the folders below its own: logrotate's `olddir` is most often one of them. */
  async below(path: string): Promise<string[]> {
    const paths: string[] = []
    for (const folder of (await this.of(path)).folders.slice(0, OLD_FOLDERS_MAX)) {
      const below = `${folder}/${basename(path)}`
      try {
        await this.of(below)
        paths.push(below)
      } catch (error) {
        // Of a folder that this user may not list nobody says that it is the right one.
        if (errnoOf(error) === undefined || errnoOf(error) === 'EIO' || isOutOfDescriptors(error)) throw error
      }
    }
    return paths
  }

  async #agreed(folder: string): Promise<Folder> {
    let found = await this.#list(folder)
    let isWhole = false
    for (let looks = 1; looks < LOOKS_MAX && !isWhole; looks += 1) {
      const before = found
      found = await this.#list(folder)
      isWhole = isSame(before.byKey, found.byKey)
    }
    const byName = [...found.byKey].map(([key, neighbour]) => ({ name: basename(neighbour.path), key, neighbour }))
    byName.sort((one, other) => (one.name < other.name ? -1 : 1))
    return { ...found, isWhole, byName }
  }

  async #list(folder: string): Promise<Listing> {
    const byKey = new Map<string, Neighbour>()
    const folders: string[] = []
    const failures = new Map<string, unknown>()
    const names = await this.#disk.list(nameBytes(folder))
    await this.#disk.statAll(nameBytes(folder), names, (name, stat, error) => {
      const path = `${folder}/${nameText(name)}`
      if (error !== undefined) failures.set(path, error)
      if (stat?.kind === 'file') byKey.set(inodeKey(stat), { path, stat })
      if (stat?.kind === 'folder') folders.push(path)
    })
    return { byKey, folders, failures }
  }
}

/** Index of the first name that does not sort before `text`. */
function firstAtOrAfter(byName: Folder['byName'], text: string): number {
  let from = 0
  let to = byName.length
  while (from < to) {
    const middle = (from + to) >>> 1
    if (byName[middle].name < text) from = middle + 1
    else to = middle
  }
  return from
}

function isSame(some: ReadonlyMap<string, Neighbour>, others: ReadonlyMap<string, Neighbour>): boolean {
  if (some.size !== others.size) return false
  for (const [key, { path }] of some) if (others.get(key)?.path !== path) return false
  return true
}
