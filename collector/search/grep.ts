// A search, from the blocks of an archive to the output: counts, hosts, or lines and their neighbours. Independent of the
// command line, whose options arrive here as `GrepOptions`.

import type { Clock } from '../../common/clock.ts'
import { Fault } from '../../common/fault.ts'
import { Output } from '../../common/message/output.ts'
import type { Zone } from '../../common/message/zone.ts'
import { HOST, ROW } from '../../common/pipeline/header-table.ts'
import { BlockCaches } from './block-caches.ts'
import { Neighbours, type ContextOptions } from './context.ts'
import { EntryQueue, type GrepTarget } from './entry-queue.ts'
import { EntryWriter, type WriterOptions } from './entry-writer.ts'
import { SearchStats } from './search-stats.ts'
import { Selection, type Query } from './selection.ts'
import { addShown } from './shown-bytes.ts'
import { HOSTS, type StoredBlock } from './stored-block.ts'
import { BlockOrder, comparePositions, rowsInOrder, Timeline, type Position } from './timeline.ts'

export interface GrepOptions {
  readonly query: Query
  readonly print: WriterOptions | 'count' | 'hosts' | 'nothing'
  /** For `hosts`: escape control bytes in host names. For lines, `WriterOptions.escape` applies. */
  readonly escapesHosts?: boolean
  /** Newest first. */
  readonly reverse: boolean
  /** Stop after this many matches (`-m`); Infinity for no limit. */
  readonly most: number
  /** Print only this many of the newest, or oldest, matches (`-n 5`, `-n +5`); Infinity for all. */
  readonly last: number
  readonly oldest?: boolean
  /** Absent if no neighbours are printed. */
  readonly context?: ContextOptions | undefined
  /** Zone for `today` and for times without a zone. */
  readonly zone: Zone
}

const LF = 0x0a
const NO_ROWS = new Uint8Array(0)
const NO_ORDERED_ROWS = new Uint32Array(0)

export class Grep {
  readonly stats = new SearchStats()
  /** Messages about parts and blocks that could not be read; all others were searched. */
  readonly faults = new Set<string>()
  readonly #options: GrepOptions
  readonly #target: GrepTarget
  readonly #clock: Clock
  readonly #now: number
  readonly #selection: Selection
  readonly #caches: BlockCaches
  /** Blocks that have no match, or cannot be read. */
  readonly #ruledOut = new WeakSet<StoredBlock>()

  /** Throws PATTERN_SYNTAX. */
  constructor(options: GrepOptions, target: GrepTarget, clock: Clock) {
    this.#options = options
    this.#target = target
    this.#clock = clock
    this.#now = clock.now()
    this.#selection = new Selection(options.query, this.#now, options.zone, this.stats)
    this.#caches = new BlockCaches(this.stats)
  }

  /** No message with an earlier time can be selected; µs since the epoch. */
  get since(): number {
    return this.#selection.since
  }

  /** Searches the blocks and prints the result. Resolves to whether any message was selected. */
  async run(blocks: readonly StoredBlock[]): Promise<boolean> {
    const found = await this.#run(blocks)
    this.#caches.clear()
    return found
  }

  async #run(blocks: readonly StoredBlock[]): Promise<boolean> {
    this.stats.blocks = blocks.length
    const { print } = this.#options
    // With `-m 0` GNU grep prints nothing, not even a count.
    if (this.#options.most === 0) return false
    if (this.#selection.isEmpty || this.#options.last === 0) {
      if (print === 'count') await this.#print('0\n')
      return false
    }
    const kept = blocks.filter((block) => this.#selection.isTimely(block))
    this.stats.skipped.time = blocks.length - kept.length
    if (print === 'count') return this.#count(kept)
    if (print === 'hosts') return this.#hosts(kept)
    if (print === 'nothing') return kept.some((block) => this.#selectedCount(block) > 0)
    return this.#lines(kept, blocks, print)
  }

  /** A 1 for each selected row of a block; no rows at all if the block is ruled out or cannot be read, which is noted. */
  #rowsOf(block: StoredBlock): Uint8Array {
    if (this.#ruledOut.has(block)) return NO_ROWS
    try {
      const known = this.#caches.knownSelected(block)
      if (known) return known
      // Summaries are checked only when the search reaches a block, so that the first results do not wait for all of them.
      const reason = this.#caches.has(block) ? undefined : this.#selection.rulesOut(block)
      if (reason === undefined) return this.#caches.select(block, this.#selection, this.#now)
      this.stats.skipped[reason] += 1
    } catch (error) {
      this.#note(error)
    }
    this.#ruledOut.add(block)
    return NO_ROWS
  }

  /** Records that something could not be read, because of damage or a failing disk; the search goes on. Other errors are thrown. */
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
    await this.#print(`${count}\n`)
    return count > 0
  }

  /** Prints the hosts that have a selected message, sorted by name. A block is not read if all of its hosts are already found. */
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
    const { bytes, table, count } = this.#caches.take(block).rows(HOSTS)
    for (let row = 0; row < count; row += 1) {
      if (selected[row] === 0) continue
      this.stats.selected += 1
      const cell = row * ROW + HOST
      names.add(bytes.toString('latin1', table.cells[cell], table.cells[cell + 1]))
    }
  }

  async #lines(kept: readonly StoredBlock[], all: readonly StoredBlock[], print: WriterOptions): Promise<boolean> {
    const { reverse, last, oldest = false, context } = this.#options
    // If the matches of `-n` are the first to be printed, it is a limit like `-m`. If they are the last, or later matches may be printed
    // as neighbours of the first ones, the outermost of them is found beforehand.
    const outermost = (reverse === oldest || context) && last < Infinity ? this.#nth(kept, last) : undefined
    const most = outermost ? this.#options.most : Math.min(this.#options.most, last)
    const isBeyond = (position: Position) =>
      outermost !== undefined &&
      (oldest ? comparePositions(position, outermost) > 0 : comparePositions(position, outermost) < 0)
    const note = (error: unknown) => this.#note(error)
    const queue = new EntryQueue(new EntryWriter(print), this.#caches, this.#target, this.#clock, note)
    const mayHave = ({ timeMin, timeMax }: StoredBlock) =>
      outermost === undefined || (oldest ? timeMin <= outermost.time : timeMax >= outermost.time)
    const wanted = kept.filter(mayHave)
    const timeline = this.#timeline(wanted, reverse)
    const isMatch = (block: StoredBlock, position: Position) =>
      this.#rowsOf(block)[position.row] === 1 && !isBeyond(position)
    const search = { blocks: all, caches: this.#caches, selection: this.#selection, queue, isMatch, note }
    const neighbours = context && new Neighbours(context, reverse, search)
    let open = true
    while (open && this.stats.selected < most && timeline.next()) {
      const { block, position } = timeline
      if (isBeyond(position)) continue
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
    return new Timeline(new BlockOrder(blocks, backwards), {
      rowsOf: (block) => this.#orderedRowsOf(block),
      timesOf: (block) => this.#caches.times(block),
    })
  }

  /** The selected rows of a block in time order; none if its times are damaged, which is noted: it cannot be sorted then. */
  #orderedRowsOf(block: StoredBlock): Uint32Array {
    const selected = this.#rowsOf(block)
    if (!selected.includes(1)) return NO_ORDERED_ROWS
    try {
      return rowsInOrder(selected, this.#caches.times(block))
    } catch (error) {
      this.#note(error)
      this.#ruledOut.add(block)
      return NO_ORDERED_ROWS
    }
  }

  /** The position of the nth match from the newest or, if `oldest`, from the oldest; that of the last one found if there are fewer. */
  #nth(blocks: readonly StoredBlock[], n: number): Position {
    const timeline = this.#timeline(blocks, !this.#options.oldest)
    let left = n
    while (left > 0 && timeline.next()) left -= 1
    return timeline.position
  }

  async #print(text: string): Promise<void> {
    await this.#target.write(Buffer.from(text))
  }
}
