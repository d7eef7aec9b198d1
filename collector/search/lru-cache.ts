// An LRU cache of values that were computed from blocks, bounded by the room that they take.

import type { StoredBlock } from './stored-block.ts'

export class LruCache<Value> {
  readonly #roomMax: number
  readonly #dropped: (value: Value) => void
  /** Least recently used first. */
  readonly #kept = new Map<StoredBlock, { readonly value: Value; readonly room: number }>()
  #room = 0
  /** The block that was used last. */
  #newest: StoredBlock | undefined

  /** `dropped` is called with each value that leaves the cache. */
  constructor(roomMax: number, dropped: (value: Value) => void = () => {}) {
    this.#roomMax = roomMax
    this.#dropped = dropped
  }

  has(block: StoredBlock): boolean {
    return this.#kept.has(block)
  }

  get(block: StoredBlock): Value | undefined {
    const known = this.#kept.get(block)
    if (!known) return undefined
    if (block !== this.#newest) {
      this.#kept.delete(block)
      this.#kept.set(block, known)
      this.#newest = block
    }
    return known.value
  }

  /** Adds a value for a block that has none, and drops old ones until there is room. The new one is kept even if it is too large. */
  add(block: StoredBlock, value: Value, room: number): Value {
    this.#kept.set(block, { value, room })
    this.#newest = block
    this.#room += room
    for (const oldest of this.#kept.keys()) {
      if (this.#room <= this.#roomMax || oldest === block) break
      this.#drop(oldest)
    }
    return value
  }

  clear(): void {
    for (const block of this.#kept.keys()) this.#drop(block)
  }

  #drop(block: StoredBlock): void {
    const { value, room } = this.#kept.get(block)!
    this.#kept.delete(block)
    this.#room -= room
    this.#dropped(value)
  }
}
