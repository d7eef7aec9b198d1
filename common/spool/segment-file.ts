// The file of the segment that is being written.

import type { Disk, DiskFile } from '../disk.ts'
import { withFile } from '../with-file.ts'
import type { Segment } from './segments.ts'
import { openInSpool } from './spool-folder.ts'

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

  /** Appends to the synced bytes of the segment. Resolves when the bytes, and for a new file its directory entry, are on disk. */
  async write(segment: Segment, bytes: Buffer, length: number): Promise<void> {
    if (this.#segment !== segment) await this.close()
    this.#segment = segment
    const file = (this.#file ??= await openInSpool(this.#disk, this.#folder, segment.path))
    await file.write(bytes, 0, length, segment.bytes)
    if (!this.#syncs) return
    await file.sync()
    if (segment.bytes === 0) await this.#disk.syncFolder(this.#folder)
  }

  /** Whether somebody removed or moved the file that was written to last: then nobody finds it again. */
  get isGone(): boolean {
    return this.#segment !== undefined && this.#file?.isAt?.(this.#segment.path) === false
  }

  /** Truncates the file of a segment to `bytes`. */
  async cut(path: string, bytes: number): Promise<void> {
    await this.close()
    await withFile(this.#disk, path, 'write', (file) => file.truncate(bytes))
  }

  /** Removes the file of a segment whose head could not be written. */
  async remove(path: string): Promise<void> {
    await this.close()
    // If this fails as well, the next start finds a segment without messages, which does no harm.
    await this.#disk.remove(path).catch(() => undefined)
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    this.#segment = undefined
    await file?.close()
  }
}
