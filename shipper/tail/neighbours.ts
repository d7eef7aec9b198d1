// What lies beside a file, in its folder: looked at once until `lookAgain`.

import { basename, dirname } from 'node:path'
import type { Disk, FileStat } from '../../common/disk.ts'
import { inodeKey } from './inode.ts'
import { nameBytes, nameText } from './pattern.ts'
import { isSibling, stemOf } from './rotated-name.ts'

/** A file beside those that are followed, as the last look has seen it. */
export interface Neighbour {
  readonly path: string
  readonly stat: FileStat
}

/** What one look at a folder has found. */
interface Look {
  readonly byKey: ReadonlyMap<string, Neighbour>
  /** By path, what is there and cannot be looked at. */
  readonly failures: ReadonlyMap<string, unknown>
}

/** What a folder has: by inode key, and in the order of names. */
interface Folder extends Look {
  /** Two looks agreed: what is not in it is not there. */
  readonly isWhole: boolean
  readonly byName: readonly { readonly name: string; readonly key: string; readonly neighbour: Neighbour }[]
}

/** While files are renamed in a chain (`.2` to `.3`, `.1` to `.2`), one look may miss a file, or see it twice. */
export const LOOKS_MAX = 5

export class Neighbours {
  readonly #disk: Disk
  readonly #folders = new Map<string, Folder>()

  constructor(disk: Disk) {
    this.#disk = disk
  }

  lookAgain(): void {
    this.#folders.clear()
  }

  /** What is beside it. Rejects where what is called like it cannot be looked at: it may be what is wanted. */
  async of(path: string): Promise<Folder> {
    const folder = dirname(path)
    let near = this.#folders.get(folder)
    if (!near) this.#folders.set(folder, (near = await this.#agreed(folder)))
    for (const [failed, error] of near.failures) if (isSibling(failed, path)) throw error
    return near
  }

  /** Those that are called like it. Rejects as `of`. */
  async siblings(path: string): Promise<{ readonly key: string; readonly neighbour: Neighbour }[]> {
    // Only those that begin like it are looked at: of two thousand files, each may have its own.
    const stem = stemOf(basename(path))
    const { byName } = await this.of(path)
    const first = firstAtOrAfter(byName, stem)
    let end = first
    while (byName[end]?.name.startsWith(stem)) end += 1
    return byName.slice(first, end)
  }

  async #agreed(folder: string): Promise<Folder> {
    let found = await this.#look(folder)
    let isWhole = false
    for (let looks = 1; looks < LOOKS_MAX && !isWhole; looks += 1) {
      const before = found
      found = await this.#look(folder)
      isWhole = isSame(before.byKey, found.byKey)
    }
    const byName = [...found.byKey].map(([key, neighbour]) => ({ name: basename(neighbour.path), key, neighbour }))
    byName.sort((one, other) => (one.name < other.name ? -1 : 1))
    return { ...found, isWhole, byName }
  }

  async #look(folder: string): Promise<Look> {
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

/** Where the first of these names is that does not come before `text`. */
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
