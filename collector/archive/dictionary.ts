// The distinct values of a column in a block, numbered as they first appear.

import { ByteWriter } from './byte-writer.ts'

const FIRST_SLOTS = 1024

export class Dictionary {
  /** All values, one behind another. */
  readonly values = new ByteWriter()
  /** Value i is `[ends[i - 1], ends[i])`. */
  ends: Uint32Array = new Uint32Array(FIRST_SLOTS)
  count = 0
  #hashes: Int32Array = new Int32Array(FIRST_SLOTS)
  /** Number of the value + 1 by hash, open addressing; at most half full. */
  #slots: Int32Array = new Int32Array(FIRST_SLOTS)

  clear(): void {
    this.values.clear()
    this.count = 0
    this.#slots.fill(0)
  }

  /** The number of `[start, end)`. */
  idOf(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashOf(bytes, start, end)
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const id = this.#slots[slot] - 1
      if (id < 0) return this.#add(bytes, start, end, hash, slot)
      if (this.#hashes[id] === hash && this.#equals(id, bytes, start, end)) return id
    }
  }

  /** The values as streams of a pack: lengths, and bytes. */
  lengths(): Uint8Array {
    const lengths = new ByteWriter()
    for (let i = 0, start = 0; i < this.count; start = this.ends[i], i += 1) lengths.varint(this.ends[i] - start)
    return lengths.written
  }

  #equals(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    let at = id === 0 ? 0 : this.ends[id - 1]
    if (this.ends[id] - at !== end - start) return false
    const known = this.values.bytes
    for (let i = start; i < end; i += 1) if (known[at++] !== bytes[i]) return false
    return true
  }

  #add(bytes: Uint8Array, start: number, end: number, hash: number, slot: number): number {
    const id = this.count
    if (id === this.ends.length) {
      this.ends = grown(this.ends, new Uint32Array(2 * id))
      this.#hashes = grown(this.#hashes, new Int32Array(2 * id))
    }
    this.values.copy(bytes, start, end)
    this.ends[id] = this.values.length
    this.#hashes[id] = hash
    this.#slots[slot] = id + 1
    this.count = id + 1
    if (2 * this.count > this.#slots.length) this.#rehash()
    return id
  }

  #rehash(): void {
    this.#slots = new Int32Array(2 * this.#slots.length)
    const mask = this.#slots.length - 1
    for (let id = 0; id < this.count; id += 1) {
      let slot = this.#hashes[id] & mask
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
      this.#slots[slot] = id + 1
    }
  }
}

export function grown<T extends Uint32Array | Int32Array | Float64Array | Uint16Array | Uint8Array>(from: T, to: T): T {
  to.set(from)
  return to
}

// Four bytes a step: the multiplications wait for each other, the loads do not.
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start
  let i = start
  for (const last = end - 4; i <= last; i += 4) {
    const word = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)
    hash = Math.imul(hash ^ word, 0x01000193)
    hash ^= hash >>> 15
  }
  for (; i < end; i += 1) hash = Math.imul(hash ^ bytes[i], 0x01000193)
  return hash ^ (hash >>> 15)
}
