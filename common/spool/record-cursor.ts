// Iterates over the records of one segment, reading a slab at a time. Bytes that are no valid record are skipped up to the next
// complete record with a correct checksum.

import type { DiskFile } from '../disk.ts'
import type { Slab, SlabPool } from '../pipeline/slab.ts'
import { recordLength, RECORD_HEAD_BYTES, RECORD_MARKER } from './record-layout.ts'

/** A complete record. The cursor holds its slab until the next call of `next`. */
export interface FoundRecord {
  readonly slab: Slab
  /** Offset in the slab. */
  readonly at: number
  readonly length: number
  /** Offset in the segment. */
  readonly offset: number
  /** Unreadable bytes before it. */
  readonly skipped: number
}

export class RecordCursor {
  readonly #file: DiskFile
  readonly #salt: number
  readonly #slabs: SlabPool
  /** Where the next record is expected. */
  #offset: number
  #slab: Slab | undefined
  /** The slab holds `[#slabFrom, #slabFrom + #filled)` of the segment. */
  #slabFrom = 0
  #filled = 0

  /** `offset` is where the first record begins. The caller closes the file. */
  constructor(file: DiskFile, offset: number, salt: number, slabs: SlabPool) {
    this.#file = file
    this.#offset = offset
    this.#salt = salt
    this.#slabs = slabs
  }

  /** Offset in the segment after the last record that was found. */
  get offset(): number {
    return this.#offset
  }

  /** The next record that ends at or before offset `end`; undefined if there is none. May be called again when the file has grown. */
  async next(end: number): Promise<FoundRecord | undefined> {
    let at = this.#offset
    while (end - at >= RECORD_HEAD_BYTES) {
      await this.#hold(at, RECORD_HEAD_BYTES, end)
      const length = this.#lengthAt(at)
      if (length < 0 && -length <= end - at) {
        await this.#hold(at, -length, end)
        if (this.#lengthAt(at) < 0) return undefined // the file is shorter than it should be
      } else if (length > 0) {
        const skipped = at - this.#offset
        this.#offset = at + length
        return { slab: this.#slab!, at: at - this.#slabFrom, length, offset: at, skipped }
      } else at = this.#nextMarker(at + 1)
    }
    return undefined
  }

  /** Continues at `offset`. */
  skipTo(offset: number): void {
    this.#offset = offset
  }

  /** Releases the slab. */
  release(): void {
    this.#slab?.release()
    this.#slab = undefined
    this.#filled = 0
  }

  #lengthAt(at: number): number {
    return recordLength(this.#slab!.bytes, at - this.#slabFrom, this.#filled, this.#salt)
  }

  /** Where the next marker begins in the slab, from `at` on. If there is none: the end of the slab less the 3 bytes that may begin one. */
  #nextMarker(at: number): number {
    const found = this.#slab!.bytes.subarray(0, this.#filled).indexOf(RECORD_MARKER, at - this.#slabFrom)
    return found >= 0 ? this.#slabFrom + found : Math.max(at, this.#slabFrom + this.#filled - RECORD_MARKER.length + 1)
  }

  /** Makes the slab contain `length` bytes from `at` on, reading as much more as fits into it. */
  async #hold(at: number, length: number, end: number): Promise<void> {
    if (this.#isWithin(at, length, this.#filled)) return
    // Small groups that arrive one after another share a slab: every open batch keeps its whole slab out of the bounded pool.
    if (!this.#isWithin(at, length, this.#slab?.bytes.length ?? 0) || at > this.#slabFrom + this.#filled) {
      this.release()
      // May exceed the bound of all slabs: the spool must drain for blocked sources to continue.
      this.#slab = this.#slabs.take(length, true)
      this.#slabFrom = at
    }
    const { bytes } = this.#slab!
    const wanted = Math.min(bytes.length, end - this.#slabFrom)
    while (this.#filled < wanted) {
      const read = await this.#file.read(bytes, this.#filled, wanted - this.#filled, this.#slabFrom + this.#filled)
      if (read === 0) break
      this.#filled += read
    }
  }

  /** Whether the `length` bytes at offset `at` of the segment lie within the first `bytes` of the slab. */
  #isWithin(at: number, length: number, bytes: number): boolean {
    return this.#slab !== undefined && at >= this.#slabFrom && at + length <= this.#slabFrom + bytes
  }
}
