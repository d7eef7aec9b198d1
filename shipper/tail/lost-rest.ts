// The unread rest of a file that is no longer where it was: renamed, copied before it was cut, or compressed meanwhile.
//
//   app.log (position 800)  ─▶  app.log.1, app.log-20261123, app-20261123.log   the same inode, or the same content
//                           ─▶  app.log.1.gz, app.log-20261123.zst              the same content, compressed
//
// Where links lead to the file, it is looked for beside both of its names: as it was found, and where it really is.

import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type { Disk, DiskFile, FileStat } from '../../common/disk.ts'
import { errnoOf, isOutOfDescriptors } from '../../common/fault.ts'
import { zstdDecompressStream } from '../../common/zstd.ts'
import { hasFingerprint, readFully, type Fingerprint } from './fingerprint.ts'
import { inodeKey, openFound, orClosed } from './inode.ts'
import { LOOKS_MAX, Neighbours, type Neighbour } from './neighbours.ts'
import { nameBytes, nameText } from './pattern.ts'
import { isPacked, isRotated, isSibling } from './rotated-name.ts'

/** How the names of decompressed rests begin. */
const TEMPORARY = 'rest-'

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

/** What is under a followed name now. */
interface FileNow {
  readonly file: DiskFile
  readonly size: number
}

const CHUNK_BYTES = 256 * 1024

export class LostRest {
  readonly #disk: Disk
  readonly #folder: string
  readonly #taken: (key: string) => boolean
  readonly #neighbours: Neighbours
  #moved = false

  /** Decompressed files are put in `folder`; `taken` says which files, by inode key, are followed already. */
  constructor(disk: Disk, folder: string, taken: (key: string) => boolean) {
    this.#disk = disk
    this.#neighbours = new Neighbours(disk)
    this.#folder = folder
    this.#taken = taken
  }

  /** Folders are listed once between two calls. */
  lookAgain(): void {
    this.#neighbours.lookAgain()
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
        const near = await this.#neighbours.of(name)
        const there = near.byKey.get(key)
        if (there) return there
        isWhole &&= near.isWhole
      }
    } catch (error) {
      if (isOutOfDescriptors(error) || errnoOf(error) === 'EIO') return 'unknown'
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
   * nothing): only what comes behind `position` tells. A copy of the file as it is now is none, nor is what `isKnown`.
   */
  async findCutCopy(
    names: readonly string[],
    fingerprint: Fingerprint,
    stream: string,
    now: FileNow & { readonly key: string; readonly sinceMs: number },
    isKnown: (copy: Rest) => Promise<boolean>,
  ): Promise<Rest | undefined> {
    for (const each of await this.rotatedSince(names, now.sinceMs)) {
      if (inodeKey(each.stat) === now.key) continue // it was renamed just now
      const copy = await (isPacked(each.path)
        ? this.#unpacked(each, fingerprint, stream)
        : this.#plain(each, fingerprint))
      if (!copy) continue
      const cut = await this.orDiscarded(copy, async () => {
        const isCut = copy.stat.size > now.size || !(await isSameBehind(fingerprint.position, copy, now.file))
        return isCut && !(await isKnown(copy)) ? copy : undefined
      })
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
      const neighbour = (await this.#neighbours.of(name)).byKey.get(key)
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
      for (const { key, neighbour } of await this.#neighbours.siblings(name)) {
        if (!this.#taken(key) && isOf(neighbour.path, name)) found.set(key, neighbour)
      }
    }
    return [...found.values()]
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
    const temporary = `${this.#folder}/${TEMPORARY}${stream}`
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

/** Removes what a process that was killed had decompressed to `folder`: none of it is read on. What cannot be removed is left. */
export async function removeLeftTemporaries(disk: Disk, folder: string): Promise<void> {
  const names = await disk.list(nameBytes(folder)).catch(() => [])
  const left = names.map(nameText).filter((name) => name.startsWith(TEMPORARY))
  await Promise.allSettled(left.map((name) => disk.remove(nameBytes(`${folder}/${name}`))))
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
