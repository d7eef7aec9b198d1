// The other files in the folder of a file. Each folder is listed once, until `lookAgain`.

import { basename, dirname } from 'node:path'
import type { Disk, FileStat } from '../../common/disk.ts'
import { inodeKey } from './inode.ts'
import { nameBytes, nameText } from './pattern.ts'
import { isSibling, stemOf } from './rotated-name.ts'

/** A file in the folder of a followed one, as it was listed. */
export interface Neighbour {
  readonly path: string
  readonly stat: FileStat
}

/** One listing of a folder. */
interface Listing {
  readonly byKey: ReadonlyMap<string, Neighbour>
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

  /** The files whose names have the same stem (`isSibling`). Rejects as `of` does. */
  async siblings(path: string): Promise<{ readonly key: string; readonly neighbour: Neighbour }[]> {
    // A binary search: a folder may have two thousand files, each with its own generations.
    const stem = stemOf(basename(path))
    const { byName } = await this.of(path)
    const first = firstAtOrAfter(byName, stem)
    let end = first
    while (byName[end]?.name.startsWith(stem)) end += 1
    return byName.slice(first, end)
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
    const failures = new Map<string, unknown>()
    const names = await this.#disk.list(nameBytes(folder))
    await this.#disk.statAll(nameBytes(folder), names, (name, stat, error) => {
      const path = `${folder}/${nameText(name)}`
      if (error !== undefined) failures.set(path, error)
      if (stat?.kind === 'file') byKey.set(inodeKey(stat), { path, stat })
    })
    return { byKey, failures }
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
