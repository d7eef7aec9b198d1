// One search, from blocks to what is printed: counts, hosts, lines, neighbours. Nothing here knows of the command line.

import type { Clock } from '../../common/clock.ts'
import { Fault } from '../../common/fault.ts'
import { Output } from '../../common/message/output.ts'
import type { Zone } from '../../common/message/zone.ts'
import { HOST, ROW } from '../../common/pipeline/header-table.ts'
import { BlockShelf } from './block-shelf.ts'
import { Neighbours, type ContextOptions } from './context.ts'
import { EntryQueue, type GrepTarget } from './entry-queue.ts'
import { EntryWriter, type WriterOptions } from './entry-writer.ts'
import { SearchStats } from './search-stats.ts'
import { Selection, type Query } from './selection.ts'
import { addShown } from './shown-bytes.ts'
import { HOSTS, type StoredBlock } from './stored-block.ts'
import { comparePositions, Timeline, type Position } from './timeline.ts'

export interface GrepOptions {
  readonly query: Query
  readonly print: WriterOptions | 'count' | 'hosts' | 'nothing'
  /** Show control bytes in the names of hosts instead of passing them on; lines have their own say. */
  readonly escapesHosts?: boolean
  /** Newest first. */
  readonly reverse: boolean
  /** Stop after so many (`-m`). */
  readonly most: number
  /** Only the last so many (`-n`). */
  readonly last: number
  /** None where there are no neighbours to print. */
  readonly context?: ContextOptions | undefined
  /** For `today` and times that name no zone. */
  readonly zone: Zone
}

const LF = 0x0a
const NO_ROWS = new Uint8Array(0)

export class Grep {
  readonly stats = new SearchStats()
  /** What could not be read; the rest was searched. */
  readonly faults = new Set<string>()
  readonly #options: GrepOptions
  readonly #target: GrepTarget
  readonly #clock: Clock
  readonly #now: number
  readonly #selection: Selection
  readonly #shelf: BlockShelf
  readonly #ruledOut = new WeakSet<StoredBlock>()

  /** Throws PATTERN_SYNTAX. */
  constructor(options: GrepOptions, target: GrepTarget, clock: Clock) {
    this.#options = options
    this.#target = target
    this.#clock = clock
    this.#now = clock.now()
    this.#selection = new Selection(options.query, this.#now, options.zone, this.stats)
    this.#shelf = new BlockShelf(this.stats)
  }

  /** Nothing older can be selected, µs since the epoch. */
  get since(): number {
    return this.#selection.since
  }

  /** Searches and prints. Resolves to whether anything was selected. */
  async run(blocks: readonly StoredBlock[]): Promise<boolean> {
    const found = await this.#run(blocks)
    this.#shelf.clear()
    return found
  }

  async #run(blocks: readonly StoredBlock[]): Promise<boolean> {
    this.stats.blocks = blocks.length
    const { print } = this.#options
    // As in grep, which with `-m 0` prints nothing, no count either.
    if (this.#options.most === 0) return false
    if (this.#selection.isEmpty || this.#options.last === 0) {
      if (print === 'count') await this.#say('0\n')
      return false
    }
    const kept = blocks.filter((block) => this.#selection.isTimely(block))
    this.stats.skipped.time = blocks.length - kept.length
    if (print === 'count') return this.#count(kept)
    if (print === 'hosts') return this.#hosts(kept)
    if (print === 'nothing') return kept.some((block) => this.#selectedCount(block) > 0)
    return this.#lines(kept, blocks, print)
  }

  /** Which rows are selected. A block that is ruled out or damaged, which is noted, gives none. */
  #rowsOf(block: StoredBlock): Uint8Array {
    if (this.#ruledOut.has(block)) return NO_ROWS
    try {
      const known = this.#shelf.knownSelected(block)
      if (known) return known
      // Asked when the search comes to the block, so that the first results wait for no other.
      const reason = this.#shelf.has(block) ? undefined : this.#selection.rulesOut(block)
      if (reason === undefined) return this.#shelf.select(block, this.#selection, this.#now)
      this.stats.skipped[reason] += 1
    } catch (error) {
      this.#note(error)
    }
    this.#ruledOut.add(block)
    return NO_ROWS
  }

  /** Damage, or a disk that fails, is noted and the search goes on. */
  #note(error: unknown): void {
    if (!(error instanceof Fault)) throw error
    this.faults.add(error.detail)
  }

  #selectedCount(block: StoredBlock): number {
    if (this.#selection.takesAll(block)) {
      this.stats.answered += 1
      return block.count
    }
    let count = 0
    for (const bit of this.#rowsOf(block)) count += bit
    return count
  }

  async #count(blocks: readonly StoredBlock[]): Promise<boolean> {
    const most = Math.min(this.#options.most, this.#options.last)
    let count = 0
    for (const block of blocks) {
      count += this.#selectedCount(block)
      if (count >= most) break
    }
    count = Math.min(count, most)
    this.stats.selected = count
    await this.#say(`${count}\n`)
    return count > 0
  }

  /** Prints the hosts with a selected message, sorted by name. Blocks whose hosts are all known by then are not read. */
  async #hosts(blocks: readonly StoredBlock[]): Promise<boolean> {
    const names = new Set<string>()
    for (const block of blocks) {
      try {
        this.#addHosts(block, names)
      } catch (error) {
        this.#note(error)
      }
    }
    const output = new Output()
    for (const name of [...names].sort()) {
      output.clear()
      const bytes = Buffer.from(name, 'latin1')
      if (this.#options.escapesHosts) addShown(output, bytes, 0)
      else output.fixed(bytes)
      output.byte(LF)
      if (!(await this.#target.write(output.written))) break
    }
    return names.size > 0
  }

  #addHosts(block: StoredBlock, names: Set<string>): void {
    if (block.hosts?.every((host) => names.has(host.toString('latin1')))) {
      this.stats.answered += 1
      return
    }
    const selected = this.#rowsOf(block)
    if (!selected.includes(1)) return
    const { bytes, table, count } = this.#shelf.take(block).rows(HOSTS)
    for (let row = 0; row < count; row += 1) {
      if (selected[row] === 0) continue
      this.stats.selected += 1
      const cell = row * ROW + HOST
      names.add(bytes.toString('latin1', table.cells[cell], table.cells[cell + 1]))
    }
  }

  async #lines(kept: readonly StoredBlock[], all: readonly StoredBlock[], print: WriterOptions): Promise<boolean> {
    const { reverse, last, context } = this.#options
    // Newest first, the last n are the first n. Oldest first, the first of them is looked for from the end.
    const first = !reverse && last < Infinity ? this.#nthFromEnd(kept, last) : undefined
    const most = reverse ? Math.min(this.#options.most, last) : this.#options.most
    const note = (error: unknown) => this.#note(error)
    const queue = new EntryQueue(new EntryWriter(print), this.#shelf, this.#target, this.#clock, note)
    const wanted = first ? kept.filter(({ timeMax }) => timeMax >= first.time) : kept
    const timeline = this.#timeline(wanted, reverse)
    const isHit = (block: StoredBlock, position: Position) =>
      this.#rowsOf(block)[position.row] === 1 && (!first || comparePositions(position, first) >= 0)
    const search = { blocks: all, shelf: this.#shelf, selection: this.#selection, queue, isHit, note }
    const neighbours = context && new Neighbours(context, reverse, search)
    let open = true
    while (open && this.stats.selected < most && timeline.next()) {
      const { block, position } = timeline
      if (first && comparePositions(position, first) < 0) continue
      try {
        if (neighbours) this.stats.selected += neighbours.write(block, position, most - this.stats.selected)
        else if (queue.add(block, position.row, true)) this.stats.selected += 1
      } catch (error) {
        note(error)
      }
      if (queue.isFull || (timeline.waits && queue.isDue)) open = await queue.flush()
    }
    if (open) await queue.flush()
    this.stats.selected -= queue.lost
    return this.stats.selected > 0
  }

  #timeline(blocks: readonly StoredBlock[], backwards: boolean): Timeline {
    return new Timeline(blocks, {
      backwards,
      rowsOf: (block) => this.#rowsOf(block),
      timesOf: (block) => this.#timesOf(block),
    })
  }

  /** Undefined where they are damaged, which is noted: messages without a time cannot be put in order. */
  #timesOf(block: StoredBlock): Float64Array | undefined {
    try {
      return this.#shelf.times(block)
    } catch (error) {
      this.#note(error)
      this.#ruledOut.add(block)
      return undefined
    }
  }

  #nthFromEnd(blocks: readonly StoredBlock[], n: number): Position {
    const timeline = this.#timeline(blocks, true)
    let left = n
    while (left > 0 && timeline.next()) left -= 1
    return timeline.position
  }

  async #say(text: string): Promise<void> {
    await this.#target.write(Buffer.from(text))
  }
}
