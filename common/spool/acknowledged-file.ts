// The file `acknowledged`: how far the receiver has acknowledged the spool, which stream and instance that applies to, and how far
// the newest segment was synced by then. It has two copies that are written alternately, so that a torn write damages only one.
//
//   0, 4096:   0  8 "SLUICEAK"
//              8  4 version of the format: 3
//             12  4 CRC-32 of everything after this field
//             16  8 number of the write: the copy with the higher one is valid
//             24 16 id of the spool's stream
//             40  8 position up to which everything is acknowledged
//             48 16 id of the instance that wrote it
//             64  8 the newest segment: position before its first message
//             72  8 bytes of it that are synced
//             80  8 position after the last message in these bytes
//
// The last three tell damage from a torn tail: unreadable bytes before that end were once synced.
//
// The version is raised with every change to this file, to segments or to records. A program that finds a higher one leaves the spool
// alone: it would take what it cannot read for damage, and remove it.

import { crc32 } from 'node:zlib'
import type { Disk, DiskFile } from '../disk.ts'
import { Fault } from '../fault.ts'
import { openInSpool } from './spool-folder.ts'

const MAGIC = 'SLUICEAK'
const VERSION = 3
const CHECKED_FROM = 16
const COPY_BYTES = 88
// Each copy is in a page of its own, since a disk or file system writes no more than that in one piece.
const COPY_EVERY = 4096

/** How far a segment is known to be synced. */
export interface SyncedEnd {
  /** The segment: position before its first message. */
  readonly first: number
  readonly bytes: number
  /** Position after the last message in these bytes. */
  readonly end: number
}

/** For a spool without segments. */
export const NOTHING_SYNCED: SyncedEnd = { first: 0, bytes: 0, end: 0 }

export interface Acknowledged {
  readonly stream: string
  readonly position: number
  /** Id of the instance that the stream belongs to. */
  readonly instance: string
  readonly synced: SyncedEnd
}

/** One of the two copies in the file. */
interface Copy extends Acknowledged {
  readonly turn: number
}

/**
 * Reads the file in a spool's folder; undefined if it is missing, or both copies are damaged. Rejects with `DATA_NEWER` if a newer
 * program wrote it. Writes nothing.
 */
export async function readAcknowledged(disk: Disk, folder: string): Promise<Acknowledged | undefined> {
  return newestCopy(disk, pathIn(folder))
}

export class AcknowledgedFile {
  readonly #disk: Disk
  readonly #folder: string
  readonly #syncs: boolean
  #file: DiskFile | undefined
  #turn = 0
  /** Whether its directory entry is synced. */
  #isNamed = false

  /** Without `syncs`, the system decides when writes reach the disk. */
  constructor(disk: Disk, folder: string, syncs: boolean) {
    this.#disk = disk
    this.#folder = folder
    this.#syncs = syncs
  }

  /** Reads what an earlier process saved; undefined if there is nothing valid. Rejects with `DATA_NEWER`. */
  async read(): Promise<Acknowledged | undefined> {
    const copy = await newestCopy(this.#disk, pathIn(this.#folder))
    this.#turn = copy?.turn ?? 0
    return copy
  }

  /** Overwrites the older copy. `syncs` overrides the constructor's. */
  async write({ stream, position, instance, synced }: Acknowledged, syncs: boolean = this.#syncs): Promise<void> {
    if (this.isGone) await this.close()
    this.#file ??= await openInSpool(this.#disk, this.#folder, pathIn(this.#folder))
    const turn = this.#turn + 1
    const bytes = Buffer.alloc(COPY_BYTES)
    bytes.write(MAGIC, 0, 'latin1')
    bytes.writeUInt32LE(VERSION, 8)
    bytes.writeDoubleLE(turn, 16)
    bytes.write(stream, 24, 'hex')
    bytes.writeDoubleLE(position, 40)
    bytes.write(instance, 48, 'hex')
    bytes.writeDoubleLE(synced.first, 64)
    bytes.writeDoubleLE(synced.bytes, 72)
    bytes.writeDoubleLE(synced.end, 80)
    bytes.writeUInt32LE(crc32(bytes.subarray(CHECKED_FROM)), 12)
    await this.#file.write(bytes, 0, COPY_BYTES, (turn % 2) * COPY_EVERY)
    if (syncs) await this.#sync(this.#file)
    this.#turn = turn
  }

  async #sync(file: DiskFile): Promise<void> {
    await file.sync()
    if (this.#isNamed) return
    await this.#disk.syncFolder(this.#folder)
    this.#isNamed = true
  }

  /** Whether somebody removed it while it was open. The next write creates it again. */
  get isGone(): boolean {
    return this.#file?.isAt?.(pathIn(this.#folder)) === false
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    this.#isNamed = false
    await file?.close()
  }
}

const pathIn = (folder: string) => `${folder}/acknowledged`

async function newestCopy(disk: Disk, path: string): Promise<Copy | undefined> {
  if (!(await disk.stat(path))) return undefined
  const bytes = await disk.readFile(path)
  const places = [0, COPY_EVERY].map((at) => bytes.subarray(at, at + COPY_BYTES))
  const copies = places.flatMap((place) => copyIn(place))
  const newer = Math.max(...places.map((place) => versionOf(place)))
  if (copies.length === 0 && newer > VERSION) {
    throw new Fault('DATA_NEWER', `${path} has version ${newer} of the format, and this sluice reads ${VERSION}`)
  }
  return copies.sort((a, b) => b.turn - a.turn)[0]
}

/** The version that a copy names; 0 if it is not one. */
function versionOf(bytes: Buffer): number {
  const isCopy = bytes.length === COPY_BYTES && bytes.toString('latin1', 0, MAGIC.length) === MAGIC
  return isCopy ? bytes.readUInt32LE(8) : 0
}

function copyIn(bytes: Buffer): Copy[] {
  if (versionOf(bytes) !== VERSION) return []
  if (crc32(bytes.subarray(CHECKED_FROM)) !== bytes.readUInt32LE(12)) return []
  return [
    {
      ...{ turn: bytes.readDoubleLE(16), stream: bytes.toString('hex', 24, 40), position: bytes.readDoubleLE(40) },
      instance: bytes.toString('hex', 48, 64),
      synced: { first: bytes.readDoubleLE(64), bytes: bytes.readDoubleLE(72), end: bytes.readDoubleLE(80) },
    },
  ]
}
