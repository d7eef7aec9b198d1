// The blocks that a search has open. Few decoded blocks are kept, the last used ones: messages that are near each other
// in time lie in few blocks. Where many blocks overlap in time (the buffers of many relays, a copy of the archive beside it, a sender
// whose clock stands in last year) what a search comes back to is kept of many more: which messages are selected, their times, who
// sent them. That is a twentieth of a decoded block.

import { SEARCH_KEPT_BYTES_MAX, SEARCH_OPEN_BLOCKS_MAX } from '../../common/limits.ts'
import { LastUsed } from './last-used.ts'
import type { Selection } from './selection.ts'
import type { SearchStats } from './search-stats.ts'
import { TIMES, type LineColumns, type OpenBlock, type StoredBlock } from './stored-block.ts'

/** Whose messages a block has. */
export type Senders = Pick<LineColumns, 'hosts' | 'hostIds' | 'programs' | 'programIds'>

export class BlockShelf {
  readonly #stats: SearchStats
  readonly #open: LastUsed<OpenBlock>
  readonly #selected = new LastUsed<Uint8Array>(SEARCH_KEPT_BYTES_MAX)
  readonly #times = new LastUsed<Float64Array>(SEARCH_KEPT_BYTES_MAX)
  readonly #senders = new LastUsed<Senders>(SEARCH_KEPT_BYTES_MAX)

  constructor(stats: SearchStats) {
    this.#stats = stats
    this.#open = new LastUsed(SEARCH_OPEN_BLOCKS_MAX, ({ bytesDecoded }) => (stats.bytesDecoded += bytesDecoded))
  }

  /** Whether the block is open. */
  has(stored: StoredBlock): boolean {
    return this.#open.has(stored)
  }

  /** The block, opened where it is not. */
  take(stored: StoredBlock): OpenBlock {
    const known = this.#open.get(stored)
    if (known) return known
    const block = stored.open()
    this.#stats.read += 1
    return this.#open.add(stored, block, 1)
  }

  /** Which rows of the block a search selects; undefined where that has to be found out. */
  knownSelected(stored: StoredBlock): Uint8Array | undefined {
    return this.#selected.get(stored)
  }

  /** Finds out which rows of the block a search selects. */
  select(stored: StoredBlock, selection: Selection, now: number): Uint8Array {
    const rows = selection.select(this.take(stored), now)
    return this.#selected.add(stored, rows, rows.byteLength)
  }

  /** The times to sort a block's messages by. */
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

  /** Closes all. */
  clear(): void {
    this.#open.clear()
  }
}
