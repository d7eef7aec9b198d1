// A dictionary: the distinct values of a column in a block, numbered in the order of their first appearance.

import { grown } from '../../common/grown.ts'
import { hashInto, sameBytes } from './byte-ranges.ts'
import { ByteWriter } from './byte-writer.ts'

const FIRST_SLOTS = 1024

export class Dictionary {
  /** All values, concatenated. */
  readonly values = new ByteWriter()
  /** Value i is `[ends[i - 1], ends[i])`. */
  ends: Uint32Array = new Uint32Array(FIRST_SLOTS)
  count = 0
  #hashes: Int32Array = new Int32Array(FIRST_SLOTS)
  /** Hash table with open addressing, at most half full: a value's number + 1, or 0 for a free slot. */
  #slots: Int32Array = new Int32Array(FIRST_SLOTS)
  /** The number of the empty value; -1 while there is none. */
  #empty = -1
  /** The slot at which the last search ended. */
  #slot = 0
  readonly #lengths = new ByteWriter()

  clear(): void {
    if (this.count > 0) this.#slots.fill(0)
    this.values.clear()
    this.count = 0
    this.#empty = -1
  }

  /** The number of the value `[start, end)`, which is added if it is new. */
  idOf(bytes: DataView, start: number, end: number): number {
    // A shortcut, since some columns are all empty, such as the message ids of RFC 3164 messages.
    if (start === end && this.#empty >= 0) return this.#empty
    const hash = hashInto(end - start, bytes, start, end)
    for (let id = this.first(hash); id >= 0; id = this.next(hash)) {
      const at = this.startOf(id)
      if (this.ends[id] - at === end - start && sameBytes(this.values.view, at, bytes, start, end - start)) return id
    }
    this.values.copy(bytes, start, end)
    if (start === end) this.#empty = this.count
    return this.add(hash)
  }

  /** Where value `id` begins in `values`. */
  startOf(id: number): number {
    return id === 0 ? 0 : this.ends[id - 1]
  }

  /** The first value with this hash, -1 if there is none: for callers that compare the values themselves. */
  first(hash: number): number {
    this.#slot = (hash ^ (hash >>> 15)) & (this.#slots.length - 1)
    return this.#seek(hash)
  }

  /** The next value with the hash that `first` was called with; -1 if there is none. */
  next(hash: number): number {
    this.#slot = (this.#slot + 1) & (this.#slots.length - 1)
    return this.#seek(hash)
  }

  #seek(hash: number): number {
    const mask = this.#slots.length - 1
    for (let slot = this.#slot; ; slot = (slot + 1) & mask) {
      const id = this.#slots[slot] - 1
      if (id >= 0 && this.#hashes[id] !== hash) continue
      this.#slot = slot
      return id
    }
  }

  /** Adds what was written to `values` after the last value as a new one, once `first` and `next` have found none; its number. */
  add(hash: number): number {
    const id = this.count
    if (id === this.ends.length) {
      this.ends = grown(this.ends)
      this.#hashes = grown(this.#hashes)
    }
    this.ends[id] = this.values.length
    this.#hashes[id] = hash
    this.#slots[this.#slot] = id + 1
    this.count = id + 1
    if (2 * this.count > this.#slots.length) this.#rehash()
    return id
  }

  /** The lengths of the values as varints; valid until the next call. */
  lengths(): Uint8Array {
    const lengths = this.#lengths
    lengths.clear()
    for (let i = 0, start = 0; i < this.count; start = this.ends[i], i += 1) lengths.varint(this.ends[i] - start)
    return lengths.written
  }

  #rehash(): void {
    this.#slots = new Int32Array(2 * this.#slots.length)
    const mask = this.#slots.length - 1
    for (let id = 0; id < this.count; id += 1) {
      let slot = (this.#hashes[id] ^ (this.#hashes[id] >>> 15)) & mask
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
      this.#slots[slot] = id + 1
    }
  }
}
