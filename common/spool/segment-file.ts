// The file of the segment that is being written.

import type { Disk, DiskFile } from '../disk.ts'
import type { Segment } from './segments.ts'

export class SegmentFile {
  readonly #disk: Disk
  readonly #folder: string
  readonly #syncs: boolean
  #segment: Segment | undefined
  #file: DiskFile | undefined

  constructor(disk: Disk, folder: string, syncs: boolean) {
    this.#disk = disk
    this.#folder = folder
    this.#syncs = syncs
  }

  /** Resolves when the bytes are on the disk, behind the synced ones of the segment, and so is its name. */
  async write(segment: Segment, bytes: Buffer, length: number): Promise<void> {
    if (this.#segment !== segment) await this.close()
    this.#segment = segment
    const file = (this.#file ??= await this.#disk.open(segment.path, 'write'))
    await file.write(bytes, 0, length, segment.bytes)
    if (!this.#syncs) return
    await file.sync()
    if (segment.bytes === 0) await this.#disk.syncFolder(this.#folder)
  }

  /** Cuts a segment's file to its first bytes. */
  async cut(path: string, bytes: number): Promise<void> {
    await this.close()
    const file = await this.#disk.open(path, 'write')
    try {
      await file.truncate(bytes)
    } finally {
      await file.close()
    }
  }

  /** Takes away what is left of a segment that could not be begun. */
  async remove(path: string): Promise<void> {
    await this.close()
    // Where that fails as well, the next start finds a segment that holds nothing.
    await this.#disk.remove(path).catch(() => undefined)
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    this.#segment = undefined
    await file?.close()
  }
}
