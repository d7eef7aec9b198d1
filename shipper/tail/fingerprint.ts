// The fingerprint by which a file is recognised: its content, not its name. Device and inode are only a first guess.
//
//   ├── head: up to 1 KiB, hashed ──┤ …                ├─ tail: the bytes before the position ─┤ position
//
// The head grows with the file until it has 1 KiB. The tail tells files with the same head apart (a thousand files may begin with
// the same header line), and shows that a file was truncated and has grown again.

import { createHash } from 'node:crypto'
import type { DiskFile } from '../../common/disk.ts'
import { readFully } from '../../common/read-fully.ts'

/** Length of a complete head. */
export const HEAD_BYTES = 1024
/** Greatest length of a tail. */
export const TAIL_BYTES = 64

export interface Head {
  /** Number of bytes hashed: less than `HEAD_BYTES` only while the file is shorter. */
  readonly bytes: number
  /** The first 128 bits of their SHA-256, hexadecimal. */
  readonly hash: string
}

export interface Fingerprint {
  readonly head: Head
  /** Up to `TAIL_BYTES` bytes before `position`. */
  readonly tail: Buffer
  readonly position: number
}

/** Hashes the first `limit` bytes of a file, or fewer if it is shorter. */
export async function readHead(file: DiskFile, limit: number = HEAD_BYTES): Promise<Head> {
  return headOf(await readFully(file, 0, Math.min(limit, HEAD_BYTES)))
}

/** The head of a file that begins with these bytes. */
export function headOf(bytes: Buffer): Head {
  const head = bytes.subarray(0, HEAD_BYTES)
  return { bytes: head.length, hash: createHash('sha256').update(head).digest('hex').slice(0, 32) }
}

/** The head of an empty file, with which every file begins. */
export const NO_HEAD = headOf(Buffer.alloc(0))

/** Whether a file has this head. */
export async function hasHead(file: DiskFile, head: Head): Promise<boolean> {
  const found = await readHead(file, head.bytes)
  return found.bytes === head.bytes && found.hash === head.hash
}

/** Whether a file has this head, and this tail before the position. */
export async function hasFingerprint(file: DiskFile, { head, tail, position }: Fingerprint): Promise<boolean> {
  if (!(await hasHead(file, head))) return false
  return (await readFully(file, position - tail.length, tail.length)).equals(tail)
}

/**
 * The first bytes of a file that is compared with many heads: read once, and hashed once per length. When two thousand files are
 * rotated together, each is compared with all others.
 */
export class Beginning {
  readonly #bytes: Buffer
  /** By the number of bytes hashed. */
  readonly #hashes = new Map<number, string>()

  private constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** Reads the first bytes of `file`. The caller keeps the descriptor. */
  static async of(file: DiskFile): Promise<Beginning> {
    return new Beginning(await readFully(file, 0, HEAD_BYTES))
  }

  /** Whether the file began with this head when it was read. */
  is({ bytes, hash }: Head): boolean {
    if (bytes > this.#bytes.length) return false
    let found = this.#hashes.get(bytes)
    if (found === undefined) {
      found = headOf(this.#bytes.subarray(0, bytes)).hash
      this.#hashes.set(bytes, found)
    }
    return found === hash
  }
}
