// The caches of a search. Only a few decoded blocks are kept, the last used ones, since messages that are near each other in time
// are in few blocks. If many blocks overlap in time (the spools of many relays, a copy of the archive searched with it, a sender
// whose clock is a year behind), the search comes back to each of them again and again. So what it then needs is kept for many
// more blocks: which messages are selected, their times and their senders. That is a twentieth of a decoded block.

import { SEARCH_KEPT_BYTES_MAX, SEARCH_OPEN_BLOCKS_MAX } from '../../common/limits.ts'
import { LruCache } from './lru-cache.ts'
import type { Selection } from './selection.ts'
import type { SearchStats } from './search-stats.ts'
import { TIMES, type LineColumns, type OpenBlock, type StoredBlock } from './stored-block.ts'

/** The host and program of each message of a block. */
export type Senders = Pick<LineColumns, 'hosts' | 'hostIds' | 'programs' | 'programIds'>

export class BlockCaches {
  readonly #stats: SearchStats
  readonly #open: LruCache<OpenBlock>
  readonly #selected = new LruCache<Uint8Array>(SEARCH_KEPT_BYTES_MAX)
  readonly #times = new LruCache<Float64Array>(SEARCH_KEPT_BYTES_MAX)
  readonly #senders = new LruCache<Senders>(SEARCH_KEPT_BYTES_MAX)

  constructor(stats: SearchStats) {
    this.#stats = stats
    this.#open = new LruCache(SEARCH_OPEN_BLOCKS_MAX, ({ bytesDecoded }) => (stats.bytesDecoded += bytesDecoded))
  }

  /** Whether the block is open. */
  has(stored: StoredBlock): boolean {
    return this.#open.has(stored)
  }

  /** Returns the block, which is opened if necessary. Throws a Fault if it cannot be read. */
  take(stored: StoredBlock): OpenBlock {
    const known = this.#open.get(stored)
    if (known) return known
    const block = stored.open()
    this.#stats.read += 1
    return this.#open.add(stored, block, 1)
  }

  /** A 1 for each row that the search selects; undefined if that is not cached. */
  knownSelected(stored: StoredBlock): Uint8Array | undefined {
    return this.#selected.get(stored)
  }

  /** Determines and caches which rows of the block are selected. */
  select(stored: StoredBlock, selection: Selection, now: number): Uint8Array {
    const rows = selection.select(this.take(stored), now)
    return this.#selected.add(stored, rows, rows.byteLength)
  }

  /** The effective times of a block's messages, µs since the epoch. */
  times(stored: StoredBlock): Float64Array {
    const known = this.#times.get(stored)
    if (known) return known
    const { times } = this.take(stored).rows(TIMES).table
    return this.#times.add(stored, times, times.byteLength)
  }

  senders(stored: StoredBlock): Senders {
    const known = this.#senders.get(stored)
    if (known) return known
    const { hosts, hostIds, programs, programIds } = this.take(stored).lines
    const bytes = [hosts.bytes, hosts.starts, hostIds, programs.bytes, programs.starts, programIds]
    const room = bytes.reduce((sum, { byteLength }) => sum + byteLength, 0)
    return this.#senders.add(stored, { hosts, hostIds, programs, programIds }, room)
  }

  /** Drops all open blocks, whose decoded bytes are then counted. */
  clear(): void {
    this.#open.clear()
  }
}
