// The unread rest of a file that is no longer where it was: renamed, copied before it was cut, or compressed meanwhile.
//
//   app.log (position 800)  ─▶  app.log.1, app.log-20261123, app-20261123.log   the same inode, or the same content
//                           ─▶  app.log.1.gz, app.log-20261123.zst              the same content, compressed
//
// Where links lead to the file, it is looked for beside both of its names: as it was found, and where it really is.

import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { basename, dirname } from 'node:path'
import type { Disk, DiskFile, FileStat } from '../../common/disk.ts'
import { errnoOf, isOutOfDescriptors } from '../../common/fault.ts'
import { zstdDecompressStream } from '../../common/zstd.ts'
import { hasFingerprint, readFully, type Fingerprint } from './fingerprint.ts'
import { inodeKey, openFound, orClosed } from './inode.ts'
import { nameBytes, nameText } from './pattern.ts'

/** Where a stream goes on. The descriptor is the caller's. */
export interface Rest {
  readonly path: string
  /** Device and inode of the file that was found: where it is packed, of the packed one. */
  readonly key: string
  readonly file: DiskFile
  readonly stat: FileStat
  /** When the rotated file was last written to, ms since the epoch. */
  readonly modifiedMs: number
  /** Where the decompressed content was put; absent where the file is what it was. */
  readonly temporary?: string
}

/** What came and went under these names since then, ms since the epoch. */
export interface Between {
  readonly names: readonly string[]
  readonly sinceMs: number | undefined
  /** By device and inode, what is none of it. */
  readonly known?: ReadonlySet<string> | undefined
}

/** A file beside those that are followed, as the last look has seen it. */
export interface Neighbour {
  readonly path: string
  readonly stat: FileStat
}

/** What a folder has: by inode key, and in the order of names. */
interface Folder {
  /** Two looks agreed: what is not in it is not there. */
  readonly isWhole: boolean
  readonly byKey: ReadonlyMap<string, Neighbour>
  readonly byName: readonly { readonly name: string; readonly key: string; readonly neighbour: Neighbour }[]
}

/** What is under a followed name now. */
interface FileNow {
  readonly file: DiskFile
  readonly size: number
}

const CHUNK_BYTES = 256 * 1024

/** While files are renamed in a chain (`.2` to `.3`, `.1` to `.2`), one look may miss a file, or see it twice. */
export const LOOKS_MAX = 5

export class LostRest {
  readonly #disk: Disk
  readonly #folder: string
  readonly #taken: (key: string) => boolean
  #neighbours = new Map<string, Folder>()
  #moved = false

  /** Decompressed files are put in `folder`; `taken` says which files, by inode key, are followed already. */
  constructor(disk: Disk, folder: string, taken: (key: string) => boolean) {
    this.#disk = disk
    this.#folder = folder
    this.#taken = taken
  }

  /** Folders are listed once between two calls. */
  lookAgain(): void {
    this.#neighbours.clear()
    this.#moved = false
  }

  /** Whether a file was not where it had been seen: what was not found may be found by looking again. */
  get moved(): boolean {
    return this.#moved
  }

  /**
   * Where a stream with this fingerprint goes on, beside one of the names that its file had: the file of this inode, else a
   * copy of it.
   */
  async find(
    names: readonly string[],
    fingerprint: Fingerprint,
    key: string,
    stream: string,
  ): Promise<Rest | undefined> {
    for (let look = 1; ; look += 1) {
      const renamed = await this.#findRenamed(names, fingerprint, key)
      const rest = renamed ?? (await this.#findCopy(names, fingerprint, stream))
      if (rest || !this.#moved || look === LOOKS_MAX) return rest
      this.lookAgain()
    }
  }

  /**
   * The file of this inode key, followed or not, as the last look beside `names` has seen it; `unknown` where that look missed
   * some, or could not be made for want of descriptors.
   */
  async whereIs(names: readonly string[], key: string): Promise<Neighbour | 'gone' | 'unknown'> {
    let isWhole = true
    try {
      for (const name of names) {
        const near = await this.#near(name)
        const there = near.byKey.get(key)
        if (there) return there
        isWhole &&= near.isWhole
      }
    } catch (error) {
      if (isOutOfDescriptors(error)) return 'unknown'
      if (errnoOf(error) === undefined) throw error
    }
    return isWhole ? 'gone' : 'unknown'
  }

  /**
   * Whether the file of this inode is there under another name than the first of `names`, under which `now` is found. Where only
   * a link leads elsewhere, to what has all that the file has, that is the same file, moved.
   */
  async isRenamed(names: readonly string[], fingerprint: Fingerprint, key: string, now: FileNow): Promise<boolean> {
    const there = await this.#findRenamed(names, fingerprint, key)
    if (!there) return false
    try {
      const mayBeMoved = names.includes(there.path) && there.stat.size <= now.size
      const isMoved = mayBeMoved && (await isSameBehind(fingerprint.position, there, now.file))
      return there.path !== names[0] && !isMoved
    } finally {
      await there.file.close()
    }
  }

  /**
   * The copy of a file that was cut after it was made, where the file has begun anew with all that was read of it (a header, or
   * nothing): only what comes behind `position` tells. A copy of the file as it is now is none.
   */
  async findCutCopy(
    names: readonly string[],
    fingerprint: Fingerprint,
    stream: string,
    now: FileNow & { readonly sinceMs: number },
  ): Promise<Rest | undefined> {
    for (const each of await this.rotatedSince(names, now.sinceMs)) {
      const copy = await (isPacked(each.path)
        ? this.#unpacked(each, fingerprint, stream)
        : this.#plain(each, fingerprint))
      if (!copy) continue
      const isCut = async () => copy.stat.size > now.size || !(await isSameBehind(fingerprint.position, copy, now.file))
      const cut = await this.orDiscarded(copy, async () => ((await isCut()) ? copy : undefined))
      if (cut) return cut
    }
    return undefined
  }

  /** What `look` finds in a rest; where that is nothing, or cannot be told, the rest is let go of. */
  async orDiscarded<Found>({ file, temporary }: Rest, look: () => Promise<Found>): Promise<Found> {
    let isKept = false
    try {
      const found = await orClosed(file, look)
      isKept = found !== undefined
      return found
    } finally {
      if (!isKept && temporary !== undefined) await this.#disk.remove(nameBytes(temporary))
    }
  }

  /** The file of this inode beside one of `names`, under any name: it was renamed. */
  async #findRenamed(names: readonly string[], fingerprint: Fingerprint, key: string): Promise<Rest | undefined> {
    if (this.#taken(key)) return undefined
    for (const name of names) {
      const neighbour = (await this.#near(name)).byKey.get(key)
      if (!neighbour || (fingerprint.head.bytes === 0 && !isSibling(neighbour.path, name))) continue
      const found = await this.#plain(neighbour, fingerprint)
      if (found) return found
    }
    return undefined
  }

  /** A file beside one of `names` that was copied or compressed from the one with this fingerprint. */
  async #findCopy(names: readonly string[], fingerprint: Fingerprint, stream: string): Promise<Rest | undefined> {
    // Without any content to compare there is only the name.
    const near = await this.#beside(names, (path, name) =>
      fingerprint.head.bytes === 0 ? isPacked(name) && path === name : isSibling(path, name),
    )
    near.sort((one, other) => Number(isPacked(one.path)) - Number(isPacked(other.path)))
    let failure: unknown
    for (const each of near) {
      try {
        const found = await (isPacked(each.path)
          ? this.#unpacked(each, fingerprint, stream)
          : this.#plain(each, fingerprint))
        if (found) return found
      } catch (error) {
        if (errnoOf(error) === undefined || isOutOfDescriptors(error)) throw error
        failure ??= error // it may be in another one
      }
    }
    if (failure !== undefined) throw failure
    return undefined
  }

  /** Rotated files of what has these names that were written to at or after `modifiedMs`, oldest first. */
  async rotatedSince(names: readonly string[], modifiedMs: number): Promise<Neighbour[]> {
    return (await this.#beside(names, isRotated))
      .filter(({ stat }) => stat.modifiedMs >= modifiedMs)
      .sort((a, b) => a.stat.modifiedMs - b.stat.modifiedMs)
  }

  /** That file from its start, decompressed where it has to be. */
  async whole(neighbour: Neighbour, stream: string): Promise<Rest | undefined> {
    const anything = { head: { bytes: 0, hash: '' }, tail: Buffer.alloc(0), position: 0 }
    return isPacked(neighbour.path) ? this.#unpacked(neighbour, anything, stream) : this.#plain(neighbour, anything)
  }

  /** Siblings of `names` that are not followed and, by `isOf`, may have to do with them. */
  async #beside(names: readonly string[], isOf: (path: string, name: string) => boolean): Promise<Neighbour[]> {
    const found = new Map<string, Neighbour>()
    for (const name of names) {
      // Only those that begin like it are looked at: of two thousand files, each may have its own.
      const stem = stemOf(basename(name))
      const { byName } = await this.#near(name)
      for (let i = firstAtOrAfter(byName, stem); byName[i]?.name.startsWith(stem); i += 1) {
        const { key, neighbour } = byName[i]
        if (!this.#taken(key) && isOf(neighbour.path, name)) found.set(key, neighbour)
      }
    }
    return [...found.values()]
  }

  async #near(path: string): Promise<Folder> {
    const folder = dirname(path)
    const known = this.#neighbours.get(folder)
    if (known) return known
    let found = await this.#look(folder)
    let isWhole = false
    for (let looks = 1; looks < LOOKS_MAX && !isWhole; looks += 1) {
      const before = found
      found = await this.#look(folder)
      isWhole = isSame(before, found)
    }
    const byName = [...found].map(([key, neighbour]) => ({ name: basename(neighbour.path), key, neighbour }))
    byName.sort((one, other) => (one.name < other.name ? -1 : 1))
    const near = { isWhole, byKey: found, byName }
    this.#neighbours.set(folder, near)
    return near
  }

  async #look(folder: string): Promise<Map<string, Neighbour>> {
    const found = new Map<string, Neighbour>()
    const names = await this.#disk.list(nameBytes(folder))
    await this.#disk.statAll(nameBytes(folder), names, (name, stat) => {
      if (stat?.kind === 'file') found.set(inodeKey(stat), { path: `${folder}/${nameText(name)}`, stat })
    })
    return found
  }

  /** The file that was seen there; undefined where it is not there any more. */
  async #open({ path, stat }: Neighbour): Promise<DiskFile | undefined> {
    const file = await openFound(this.#disk, inodeKey(stat), path)
    if (!file) this.#moved = true
    return file
  }

  async #plain(neighbour: Neighbour, fingerprint: Fingerprint): Promise<Rest | undefined> {
    const { path, stat } = neighbour
    if (stat.size < fingerprint.position) return undefined
    const file = await this.#open(neighbour)
    if (!file) return undefined
    return orClosed(file, async () => {
      if (fingerprint.head.bytes > 0 && !(await hasFingerprint(file, fingerprint))) return undefined
      return { path, key: inodeKey(stat), file, stat: await file.stat(), modifiedMs: stat.modifiedMs }
    })
  }

  async #unpacked(neighbour: Neighbour, fingerprint: Fingerprint, stream: string): Promise<Rest | undefined> {
    const { path, stat } = neighbour
    const temporary = `${this.#folder}/rest-${stream}`
    const target = await this.#disk.open(nameBytes(temporary), 'write')
    let keep = false
    try {
      await target.truncate(0)
      const source = await this.#open(neighbour)
      if (!source) return undefined
      await this.#unpack(path, source, target)
      const found = await target.stat()
      keep =
        found.size >= fingerprint.position &&
        (fingerprint.head.bytes === 0 || (await hasFingerprint(target, fingerprint)))
      const rest = { path, key: inodeKey(stat), file: target, stat: found, modifiedMs: stat.modifiedMs, temporary }
      return keep ? rest : undefined
    } finally {
      if (!keep) {
        await target.close()
        await this.#disk.remove(nameBytes(temporary))
      }
    }
  }

  /** Closes `source`. */
  async #unpack(path: string, source: DiskFile, target: DiskFile): Promise<void> {
    const unpacking = path.endsWith('.gz') ? createGunzip() : zstdDecompressStream()
    try {
      pipeline(Readable.from(piecesOf(source)), unpacking).catch(() => {}) // the loop below gets the error too
      let at = 0
      for await (const piece of unpacking as AsyncIterable<Buffer>) {
        await target.write(piece, 0, piece.length, at)
        at += piece.length
      }
    } catch (error) {
      // Not packed after all, or broken: what it gave is compared. A disk's errors are passed on.
      if (['ENOSPC', 'EIO', 'EDQUOT'].includes(errnoOf(error) ?? '')) throw error
    } finally {
      unpacking.destroy()
      await source.close()
    }
  }
}

/** Whether the file has, behind `position`, what the copy has there. */
async function isSameBehind(position: number, copy: Rest, file: DiskFile): Promise<boolean> {
  const length = Math.min(CHUNK_BYTES, copy.stat.size - position)
  return (await readFully(copy.file, position, length)).equals(await readFully(file, position, length))
}

async function* piecesOf(source: DiskFile): AsyncGenerator<Buffer> {
  for (let at = 0; ;) {
    const chunk = Buffer.alloc(CHUNK_BYTES)
    const bytes = await source.read(chunk, 0, chunk.length, at)
    if (bytes === 0) return
    at += bytes
    yield chunk.subarray(0, bytes)
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

/** Whether its name says that it is compressed. */
export const isPacked = (path: string) => path.endsWith('.gz') || path.endsWith('.zst')

/** `app.log` → `app.log.1`, `app.log-20261123.gz`, `app-20261123.log`: the same beginning up to the first dot. */
export function isSibling(path: string, of: string): boolean {
  return basename(path).startsWith(stemOf(basename(of)))
}

const packedEnding = /\.(gz|zst)$/
const rotatedEnding = /[.-]\d[-\d.T_]*$/

/** `app.log.1`, `app.log-20261123.gz`: the name of a file that was rotated, not of one that is written to. */
export const isRotatedName = (path: string) => isPacked(path) || rotatedEnding.test(basename(path))

/** `app.log.1`, `app.log-20261123` → `app.log`; any other path as it is. */
export const unrotated = (path: string) => path.replace(rotatedEnding, '')

/** Narrower: the same name but for a number or a date, and packed or not. */
function isRotated(path: string, of: string): boolean {
  const base = basename(of)
  const name = basename(path).replace(packedEnding, '')
  const stem = stemOf(base)
  if (!name.startsWith(stem) || name === base) return false
  return name.slice(stem.length).replace(/[.-]\d[-\d.T_]*(?=\.|$)/, '') === base.slice(stem.length)
}

function stemOf(name: string): string {
  const dot = name.indexOf('.', 1)
  return dot < 0 ? name : name.slice(0, dot)
}
