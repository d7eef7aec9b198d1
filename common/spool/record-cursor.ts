// Walks the records of one segment, a slab of bytes at a time, also over damage: what is no record is skipped up to the
// next one that is whole and right.

import type { DiskFile } from '../disk.ts'
import type { Slab, SlabPool } from '../pipeline/slab.ts'
import { recordLength, RECORD_HEAD_BYTES, RECORD_MARKER } from './record-layout.ts'

/** A whole record, in a slab that the cursor holds until its next step. */
export interface FoundRecord {
  readonly slab: Slab
  /** Where it lies in the slab. */
  readonly at: number
  readonly length: number
  /** Where it lies in the segment. */
  readonly offset: number
  /** Bytes before it that are no record. */
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

  /** `offset` is that of a record; the file stays the caller's. */
  constructor(file: DiskFile, offset: number, salt: number, slabs: SlabPool) {
    this.#file = file
    this.#offset = offset
    this.#salt = salt
    this.#slabs = slabs
  }

  /** Behind the last record that was found. */
  get offset(): number {
    return this.#offset
  }

  /** The next record that ends at or before `end`; undefined where there is none: ask again when there is more. */
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

  /** Goes on at `offset`. */
  skipTo(offset: number): void {
    this.#offset = offset
  }

  /** Lets go of the slab. */
  release(): void {
    this.#slab?.release()
    this.#slab = undefined
    this.#filled = 0
  }

  #lengthAt(at: number): number {
    return recordLength(this.#slab!.bytes, at - this.#slabFrom, this.#filled, this.#salt)
  }

  /** The first place from `at` on, in what is held, where a record may begin; else behind what is held, but for 3 bytes. */
  #nextMarker(at: number): number {
    const found = this.#slab!.bytes.subarray(0, this.#filled).indexOf(RECORD_MARKER, at - this.#slabFrom)
    return found >= 0 ? this.#slabFrom + found : Math.max(at, this.#slabFrom + this.#filled - RECORD_MARKER.length + 1)
  }

  /** Reads, where that is not held already, `length` bytes from `at` on, and with them as much as a slab takes. */
  async #hold(at: number, length: number, end: number): Promise<void> {
    if (this.#isWithin(at, length, this.#filled)) return
    // What comes a little at a time comes into one slab: each of its batches keeps a whole one from everybody for as long as it is open.
    if (!this.#isWithin(at, length, this.#slab?.bytes.length ?? 0) || at > this.#slabFrom + this.#filled) {
      this.release()
      // Over the bound of all slabs where need be: what is on the disk must flow for sources to be unblocked.
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

  /** Whether `length` bytes from `at` on lie within the first `bytes` of the slab. */
  #isWithin(at: number, length: number, bytes: number): boolean {
    return this.#slab !== undefined && at >= this.#slabFrom && at + length <= this.#slabFrom + bytes
  }
}
