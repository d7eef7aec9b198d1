// The blocks that a search has open. Few decoded blocks are kept, the last used ones: messages that are near each other
// in time lie in few blocks, so that hardly any is decoded twice.

import type { Selection } from './selection.ts'
import type { SearchStats } from './search-stats.ts'
import { TIMES, type OpenBlock, type StoredBlock } from './stored-block.ts'

/** Decoded blocks kept: at about 1 MiB each, and as much again for their tables. */
const OPEN_BLOCKS_MAX = 24

export class BlockShelf {
  readonly #stats: SearchStats
  readonly #open = new Map<StoredBlock, OpenBlock>()
  readonly #selected = new WeakMap<OpenBlock, Uint8Array>()

  constructor(stats: SearchStats) {
    this.#stats = stats
  }

  /** Whether the block is open. */
  has(stored: StoredBlock): boolean {
    return this.#open.has(stored)
  }

  /** The block, opened where it is not. */
  take(stored: StoredBlock): OpenBlock {
    const known = this.#open.get(stored)
    if (known) {
      // Reinserted: the map's order is that of use.
      this.#open.delete(stored)
      this.#open.set(stored, known)
      return known
    }
    const block = stored.open()
    this.#stats.read += 1
    this.#open.set(stored, block)
    if (this.#open.size > OPEN_BLOCKS_MAX) this.#close(this.#open.keys().next().value!)
    return block
  }

  /** Which rows of the block a search selects. */
  selected(stored: StoredBlock, selection: Selection, now: number): Uint8Array {
    const block = this.take(stored)
    let rows = this.#selected.get(block)
    if (!rows) {
      rows = selection.select(block, now)
      this.#selected.set(block, rows)
    }
    return rows
  }

  /** The times to sort a block's messages by; valid until the block is closed. */
  times(stored: StoredBlock): Float64Array {
    return this.take(stored).rows(TIMES).table.times
  }

  /** Closes all. */
  clear(): void {
    for (const stored of this.#open.keys()) this.#close(stored)
  }

  #close(stored: StoredBlock): void {
    const block = this.#open.get(stored)!
    this.#stats.bytesDecoded += block.bytesDecoded
    this.#open.delete(stored)
  }
}
