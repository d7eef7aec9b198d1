// Finds the unread remainder of a file that was renamed, copied and truncated, or compressed.
//
//   app.log (position 800)  ─▶  app.log.1, app.log-20261123, app-20261123.log   the same inode, or the same content
//                           ─▶  app.log.1.gz, app.log-20261123.zst              the same content, compressed
//
// If the path of the file has symbolic links in it, both folders are searched: that of the path, and that of the path without links.
// If it is not there, the folders below them are searched too, since logrotate may have moved it to one (`olddir`).

import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type { Disk, DiskFile, FileStat } from '../../common/disk.ts'
import { errnoOf, isOutOfDescriptors } from '../../common/fault.ts'
import { readFully } from '../../common/read-fully.ts'
import { zstdDecompressStream } from '../../common/zstd.ts'
import { hasFingerprint, hasHead, type Fingerprint, type Head } from './fingerprint.ts'
import { inodeKey, openFound, orClosed } from './inode.ts'
import { LOOKS_MAX, Neighbours, type Neighbour } from './neighbours.ts'
import { nameBytes, nameText } from './pattern.ts'
import { isPacked, isRotated, isSibling } from './rotated-name.ts'

/** Prefix of the names of decompressed remainders. */
const TEMPORARY = 'rest-'

/** The file in which a stream continues. The caller owns the descriptor. */
export interface Remainder {
  readonly path: string
  /** Inode key of the file that was found; of the compressed file, if it is compressed. */
  readonly key: string
  readonly file: DiskFile
  readonly stat: FileStat
  /** When the rotated file was last written to, ms since the epoch. */
  readonly modifiedMs: number
  /** Path of the temporary file with the decompressed content; absent if the file is not compressed. */
  readonly temporary?: string
}

/** Which unseen generations to look for: files that had one of these names and were rotated again before any sweep saw them. */
export interface Between {
  readonly names: readonly string[]
  /** Only files that were written to since then, ms since the epoch. */
  readonly sinceMs: number | undefined
  /** Inode keys of files that have been seen. */
  readonly known?: ReadonlySet<string> | undefined
}

/** The file that is at a followed name now. */
interface FileNow {
  readonly file: DiskFile
  readonly size: number
}

const CHUNK_BYTES = 256 * 1024

export class RemainderFinder {
  readonly #disk: Disk
  readonly #folder: string
  readonly #taken: (key: string) => boolean
  readonly #neighbours: Neighbours
  #moved = false

  /** Decompressed files are put in `folder`; `taken` tells whether the file with an inode key is followed already. */
  constructor(disk: Disk, folder: string, taken: (key: string) => boolean) {
    this.#disk = disk
    this.#neighbours = new Neighbours(disk)
    this.#folder = folder
    this.#taken = taken
  }

  /** Forgets the folder listings: each folder is listed again when it is next needed. */
  lookAgain(): void {
    this.#neighbours.lookAgain()
    this.#moved = false
  }

  /** Whether a file had moved between its listing and its opening: what was not found may be found after `lookAgain`. */
  get moved(): boolean {
    return this.#moved
  }

  /**
   * Finds the file in which a stream with this fingerprint continues, in the folders of the names that its file had, else below them:
   * the file with this inode key, else a copy of it.
   */
  async find(
    names: readonly string[],
    fingerprint: Fingerprint,
    key: string,
    stream: string,
  ): Promise<Remainder | undefined> {
    for (let look = 1; ; look += 1) {
      const find = async (names: readonly string[]) =>
        (await this.#findRenamed(names, fingerprint, key)) ?? (await this.#findCopy(names, fingerprint, stream))
      const remainder = (await find(names)) ?? (await find(await this.#below(names)))
      if (remainder || !this.#moved || look === LOOKS_MAX) return remainder
      this.lookAgain()
    }
  }

  /**
   * The file with this inode key, followed or not, in the last listings of the folders of `names`. `unknown` if a listing may be
   * incomplete, or failed with EIO or for lack of descriptors.
   */
  async whereIs(names: readonly string[], key: string): Promise<Neighbour | 'gone' | 'unknown'> {
    let isWhole = true
    try {
      for (const name of names) {
        const near = await this.#neighbours.of(name)
        const found = near.byKey.get(key)
        if (found) return found
        isWhole &&= near.isWhole
      }
    } catch (error) {
      if (isOutOfDescriptors(error) || errnoOf(error) === 'EIO') return 'unknown'
      if (errnoOf(error) === undefined) throw error
    }
    return isWhole ? 'gone' : 'unknown'
  }

  /** The names of files that have left them, and those that they would have in the folders below to which they were moved (`olddir`). */
  async namesWithFolders(
    left: readonly { readonly names: readonly string[]; readonly key: string }[],
  ): Promise<string[]> {
    const all: string[] = []
    for (const { names, key } of left) {
      all.push(...names)
      if ((await this.whereIs(names, key)) !== 'gone') continue
      try {
        for (const below of await this.#below(names)) {
          if ((await this.#neighbours.of(below)).byKey.has(key)) all.push(below)
        }
      } catch (error) {
        // A new file does not wait for a folder that cannot be read.
        if (errnoOf(error) === undefined || isOutOfDescriptors(error)) throw error
      }
    }
    return all
  }

  /**
   * Whether the file with this inode key exists under another name than the first of `names`, where `now` was found. It does not
   * count as renamed if only a link has changed and `now` has all of its content: then the file was moved there.
   */
  async isRenamed(names: readonly string[], fingerprint: Fingerprint, key: string, now: FileNow): Promise<boolean> {
    const found = await this.#findRenamed(names, fingerprint, key)
    if (!found) return false
    try {
      const mayBeMoved = names.includes(found.path) && found.stat.size <= now.size
      const isMoved = mayBeMoved && (await isSameAfter(fingerprint.position, found, now.file))
      return found.path !== names[0] && !isMoved
    } finally {
      await found.file.close()
    }
  }

  /**
   * The copy that was made of a file before it was truncated, if the file has begun again with all that had been read of it (a
   * header, or nothing). Only the bytes after `position` tell such a copy from one of the present content, which is not returned.
   * Copies for which `isKnown` is true are left out. Only files written to since `now.sinceMs` (ms since the epoch) are tried.
   */
  async findCutCopy(
    names: readonly string[],
    fingerprint: Fingerprint,
    stream: string,
    now: FileNow & { readonly key: string; readonly sinceMs: number },
    isKnown: (copy: Remainder) => Promise<boolean>,
  ): Promise<Remainder | undefined> {
    for (const each of await this.rotatedSince(names, now.sinceMs)) {
      if (inodeKey(each.stat) === now.key) continue // the file itself, renamed just now
      const copy = await (isPacked(each.path)
        ? this.#unpacked(each, fingerprint, stream)
        : this.#plain(each, fingerprint))
      if (!copy) continue
      const cut = await this.orDiscarded(copy, async () => {
        const isCut = copy.stat.size > now.size || !(await isSameAfter(fingerprint.position, copy, now.file))
        return isCut && !(await isKnown(copy)) ? copy : undefined
      })
      if (cut) return cut
    }
    return undefined
  }

  /** The result of `look`. If it is undefined, or `look` rejects, the remainder is closed and its temporary file removed. */
  async orDiscarded<Found>({ file, temporary }: Remainder, look: () => Promise<Found>): Promise<Found> {
    let isKept = false
    try {
      const found = await orClosed(file, look)
      isKept = found !== undefined
      return found
    } finally {
      if (!isKept && temporary !== undefined) await this.#disk.remove(nameBytes(temporary))
    }
  }

  async #below(names: readonly string[]): Promise<string[]> {
    const below = new Set<string>()
    for (const name of names) for (const path of await this.#neighbours.below(name)) below.add(path)
    return [...below]
  }

  /** The file with this inode key in the folder of one of `names`, whatever its name is now. */
  async #findRenamed(names: readonly string[], fingerprint: Fingerprint, key: string): Promise<Remainder | undefined> {
    if (this.#taken(key)) return undefined
    for (const name of names) {
      const neighbour = (await this.#neighbours.of(name)).byKey.get(key)
      if (!neighbour || (fingerprint.head.bytes === 0 && !isSibling(neighbour.path, name))) continue
      const found = await this.#plain(neighbour, fingerprint)
      if (found) return found
    }
    return undefined
  }

  /** A file in the folder of one of `names` that is a copy, compressed or not, of the one with this fingerprint. */
  async #findCopy(names: readonly string[], fingerprint: Fingerprint, stream: string): Promise<Remainder | undefined> {
    // Nothing was read of an empty fingerprint, so only the name can be compared.
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
        failure ??= error // another file may have it
      }
    }
    if (failure !== undefined) throw failure
    return undefined
  }

  /** Rotated generations of the files with these names that were last written to at or after `modifiedMs`, oldest first. */
  async rotatedSince(names: readonly string[], modifiedMs: number): Promise<Neighbour[]> {
    return (await this.#beside(names, isRotated))
      .filter(({ stat }) => stat.modifiedMs >= modifiedMs)
      .sort((a, b) => a.stat.modifiedMs - b.stat.modifiedMs)
  }

  /** All of that file, decompressed if it is compressed; undefined if it has moved. */
  async whole(neighbour: Neighbour, stream: string): Promise<Remainder | undefined> {
    const anything = { head: { bytes: 0, hash: '' }, tail: Buffer.alloc(0), position: 0 }
    return isPacked(neighbour.path) ? this.#unpacked(neighbour, anything, stream) : this.#plain(neighbour, anything)
  }

  /** Siblings of `names` that are not followed and that `belongs` accepts. */
  async #beside(names: readonly string[], belongs: (path: string, name: string) => boolean): Promise<Neighbour[]> {
    const found = new Map<string, Neighbour>()
    for (const name of names) {
      for (const { key, neighbour } of await this.#neighbours.siblings(name)) {
        if (!this.#taken(key) && belongs(neighbour.path, name)) found.set(key, neighbour)
      }
    }
    return [...found.values()]
  }

  /** Opens a listed file; undefined if it is no longer at that path. */
  async #open({ path, stat }: Neighbour): Promise<DiskFile | undefined> {
    const file = await openFound(this.#disk, inodeKey(stat), path)
    if (!file) this.#moved = true
    return file
  }

  async #plain(neighbour: Neighbour, fingerprint: Fingerprint): Promise<Remainder | undefined> {
    const { path, stat } = neighbour
    if (stat.size < fingerprint.position) return undefined
    const file = await this.#open(neighbour)
    if (!file) return undefined
    return orClosed(file, async () => {
      if (fingerprint.head.bytes > 0 && !(await hasFingerprint(file, fingerprint))) return undefined
      return { path, key: inodeKey(stat), file, stat: await file.stat(), modifiedMs: stat.modifiedMs }
    })
  }

  async #unpacked(neighbour: Neighbour, fingerprint: Fingerprint, stream: string): Promise<Remainder | undefined> {
    const { path, stat } = neighbour
    const temporary = `${this.#folder}/${TEMPORARY}${stream}`
    const target = await this.#disk.open(nameBytes(temporary), 'write')
    let keep = false
    try {
      await target.truncate(0)
      const source = await this.#open(neighbour)
      if (!source) return undefined
      if (!(await this.#unpack(path, source, target, fingerprint.head))) return undefined
      const found = await target.stat()
      keep =
        found.size >= fingerprint.position &&
        (fingerprint.head.bytes === 0 || (await hasFingerprint(target, fingerprint)))
      const remainder = { path, key: inodeKey(stat), file: target, stat: found, modifiedMs: stat.modifiedMs, temporary }
      return keep ? remainder : undefined
    } finally {
      if (!keep) {
        await target.close()
        await this.#disk.remove(nameBytes(temporary))
      }
    }
  }

  /**
   * Decompresses `source` into `target`, and closes `source`. Resolves to false, and stops, if it does not begin with this head: beside a
   * file there may be a hundred large generations, and at a start they would all be decompressed.
   */
  async #unpack(path: string, source: DiskFile, target: DiskFile, head: Head): Promise<boolean> {
    const unpacking = path.endsWith('.gz') ? createGunzip() : zstdDecompressStream()
    try {
      pipeline(Readable.from(piecesOf(source)), unpacking).catch(() => {}) // the loop below throws the same error
      let at = 0
      for await (const piece of unpacking as AsyncIterable<Buffer>) {
        await target.write(piece, 0, piece.length, at)
        const isBegun = at >= head.bytes
        at += piece.length
        if (!isBegun && at >= head.bytes && !(await hasHead(target, head))) return false
      }
    } catch (error) {
      // The content is not compressed after all, or damaged: what came out is compared. Errors of the disk are passed on.
      if (['ENOSPC', 'EIO', 'EDQUOT'].includes(errnoOf(error) ?? '')) throw error
    } finally {
      unpacking.destroy()
      await source.close()
    }
    return true
  }
}

/** Removes the temporary files that a killed process left in `folder`, since none of them is read again. Failures are ignored. */
export async function removeLeftTemporaries(disk: Disk, folder: string): Promise<void> {
  const names = await disk.list(nameBytes(folder)).catch(() => [])
  const left = names.map(nameText).filter((name) => name.startsWith(TEMPORARY))
  await Promise.allSettled(left.map((name) => disk.remove(nameBytes(`${folder}/${name}`))))
}

/** Whether the file has the same bytes after `position` as the copy; at most `CHUNK_BYTES` are compared. */
async function isSameAfter(position: number, copy: Remainder, file: DiskFile): Promise<boolean> {
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
