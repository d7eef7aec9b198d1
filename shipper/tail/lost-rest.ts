// The unread rest of a file that is no longer where it was: renamed, copied before it was cut, or compressed meanwhile.
//
//   app.log (position 800)  ─▶  app.log.1, app.log-20261123, app-20261123.log   the same inode, or the same content
//                           ─▶  app.log.1.gz, app.log-20261123.zst              the same content, compressed

import { createGunzip } from 'node:zlib'
import { basename, dirname } from 'node:path'
import type { Disk, DiskFile, FileStat } from '../../common/disk.ts'
import { hasFingerprint, type Fingerprint } from './fingerprint.ts'
import { inodeKey } from './followed-file.ts'
import { nameBytes, nameText } from './pattern.ts'

export interface Rest {
  readonly path: string
  readonly file: DiskFile
  readonly stat: FileStat
  /** Where the decompressed content was put; absent where the file is what it was. */
  readonly temporary?: string
}

const CHUNK_BYTES = 256 * 1024

export class LostRest {
  readonly #disk: Disk
  readonly #folder: string

  /** Decompressed files are put in `folder`. */
  constructor(disk: Disk, folder: string) {
    this.#disk = disk
    this.#folder = folder
  }

  /**
   * Looks beside `path` for the file with this fingerprint. `key` is its device and inode if those may still be right;
   * `taken` says which files are followed already. The descriptor is the caller's.
   */
  async find(
    path: string,
    fingerprint: Fingerprint,
    key: string | undefined,
    taken: (key: string) => boolean,
  ): Promise<Rest | undefined> {
    if (fingerprint.head.bytes === 0) return undefined
    const folder = dirname(path)
    const names = (await this.#disk.list(nameBytes(folder))).map(nameText)
    const likely = names.filter((name) => isSibling(name, basename(path)))
    // The same inode under any name comes first: it costs a look at each and is certain.
    for (const name of [...names.filter((each) => !likely.includes(each)), ...likely]) {
      const found = await this.#plain(`${folder}/${name}`, fingerprint, (stat) => {
        const own = inodeKey(stat)
        return !taken(own) && (own === key || likely.includes(name))
      })
      if (found) return found
    }
    for (const name of likely.filter((each) => each.endsWith('.gz'))) {
      const found = await this.#compressed(`${folder}/${name}`, fingerprint)
      if (found) return found
    }
    return undefined
  }

  async #plain(path: string, fingerprint: Fingerprint, worth: (stat: FileStat) => boolean): Promise<Rest | undefined> {
    const stat = await this.#disk.stat(nameBytes(path))
    if (stat?.kind !== 'file' || stat.size < fingerprint.position || !worth(stat)) return undefined
    const file = await this.#disk.open(nameBytes(path), 'read')
    if (await hasFingerprint(file, fingerprint)) return { path, file, stat: await file.stat() }
    await file.close()
    return undefined
  }

  async #compressed(path: string, fingerprint: Fingerprint): Promise<Rest | undefined> {
    const temporary = `${this.#folder}/rest-${basename(path)}`
    const target = await this.#disk.open(nameBytes(temporary), 'write')
    let keep = false
    try {
      await target.truncate(0)
      await this.#decompress(path, target)
      const stat = await target.stat()
      keep = stat.size >= fingerprint.position && (await hasFingerprint(target, fingerprint))
      return keep ? { path, file: target, stat, temporary } : undefined
    } finally {
      if (!keep) {
        await target.close()
        await this.#disk.remove(nameBytes(temporary))
      }
    }
  }

  async #decompress(path: string, target: DiskFile): Promise<void> {
    const source = await this.#disk.open(nameBytes(path), 'read')
    const gunzip = createGunzip()
    const feed = async () => {
      const chunk = Buffer.alloc(CHUNK_BYTES)
      for (let at = 0; ;) {
        const bytes = await source.read(chunk, 0, chunk.length, at)
        if (bytes === 0) break
        at += bytes
        if (!gunzip.write(Buffer.from(chunk.subarray(0, bytes)))) {
          await new Promise((resolve) => gunzip.once('drain', resolve))
        }
      }
      gunzip.end()
    }
    try {
      const fed = feed().catch((error: unknown) =>
        gunzip.destroy(error instanceof Error ? error : new Error(String(error))),
      )
      let at = 0
      for await (const piece of gunzip as AsyncIterable<Buffer>) {
        await target.write(piece, 0, piece.length, at)
        at += piece.length
      }
      await fed
    } catch {
      return // not a gzip file after all, or a broken one: what it gave is compared, and will not fit
    } finally {
      await source.close()
    }
  }
}

/** `app.log` → `app.log.1`, `app.log-20261123.gz`, `app-20261123.log`: the same beginning up to the first dot. */
function isSibling(name: string, of: string): boolean {
  const dot = of.indexOf('.', 1)
  const stem = dot < 0 ? of : of.slice(0, dot)
  return name.startsWith(stem)
}
