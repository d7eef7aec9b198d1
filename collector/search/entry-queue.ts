// The queue between a search and its output. A message whose block is open is written at once. If more blocks overlap in time
// than can be open, each message is nearly always in another block than the one before. Messages are then gathered and written
// block by block, so that a block is opened once for thousands of messages and not once for each.
//
//   gathered, in order     1:17 3:2 2:8 1:18 -- 3:3 …           block:row
//   written                1:17 1:18 │ 3:2 3:3 │ 2:8            each block once
//   printed, in order      1:17 3:2 2:8 1:18 -- 3:3 …
//
// Gathered messages are printed after SEARCH_GATHERED_MS at the latest.

import type { Clock } from '../../common/clock.ts'
import {
  SEARCH_GATHERED_BYTES_MAX,
  SEARCH_GATHERED_ENTRIES_MAX,
  SEARCH_GATHERED_MS,
  SEARCH_WRITE_BYTES,
} from '../../common/limits.ts'
import type { BlockCaches } from './block-caches.ts'
import type { EntryWriter } from './entry-writer.ts'
import type { StoredBlock } from './stored-block.ts'

/** Where the output goes. */
export interface GrepTarget {
  /** Resolves to false if the reader has closed the output. The bytes must stay unchanged until it resolves. */
  write(bytes: Buffer): Promise<boolean>
}

interface Gathered {
  readonly block: StoredBlock
  readonly row: number
  /** Whether it is a match, not a neighbour of one. */
  readonly isMatch: boolean
  /** Whether a separator is printed before it. */
  readonly separated: boolean
}

const NOTHING = Buffer.alloc(0)

export class EntryQueue {
  /** Number of matches that were added and then turned out to be unreadable. */
  lost = 0
  readonly #writer: EntryWriter
  readonly #caches: BlockCaches
  readonly #target: GrepTarget
  readonly #clock: Clock
  readonly #note: (error: unknown) => void
  readonly #gathered: Gathered[] = []
  #separated = false
  #flushedMs: number

  /** `note` is called with each error; it records that something could not be read, and throws any other error. */
  constructor(
    writer: EntryWriter,
    caches: BlockCaches,
    target: GrepTarget,
    clock: Clock,
    note: (error: unknown) => void,
  ) {
    this.#writer = writer
    this.#caches = caches
    this.#target = target
    this.#clock = clock
    this.#note = note
    this.#flushedMs = clock.monotonicMs()
  }

  /** Adds a message, which is a match or a neighbour of one. Returns false if it is known to be unreadable. */
  add(block: StoredBlock, row: number, isMatch: boolean): boolean {
    const separated = this.#separated
    this.#separated = false
    const entry = { block, row, isMatch, separated }
    if (this.#gathered.length === 0 && this.#caches.has(block)) return this.#write(entry)
    this.#gathered.push(entry)
    return true
  }

  /** Begins a new group: a separator is printed before the next message. */
  separator(): void {
    this.#separated = true
  }

  /** Whether the queue has to be flushed before more is added. */
  get isFull(): boolean {
    return this.#writer.output.length >= SEARCH_WRITE_BYTES || this.#gathered.length >= SEARCH_GATHERED_ENTRIES_MAX
  }

  /** Whether the queue should be flushed before another block is read, so that the user sees results. */
  get isDue(): boolean {
    return this.#gathered.length === 0 || this.#clock.monotonicMs() - this.#flushedMs >= SEARCH_GATHERED_MS
  }

  /** Writes everything out. Resolves to false if the reader has closed the output. */
  async flush(): Promise<boolean> {
    let open = await this.#send()
    for (let from = 0; open && from < this.#gathered.length;) {
      let to = this.#gathered.length
      let texts = this.#textsOf(from, to)
      while (!texts) {
        to = from + Math.ceil((to - from) / 2)
        texts = this.#textsOf(from, to)
      }
      open = await this.#print(texts)
      from = to
    }
    this.#gathered.length = 0
    this.#flushedMs = this.#clock.monotonicMs()
    return open
  }

  async #print(texts: readonly Buffer[]): Promise<boolean> {
    const { output } = this.#writer
    for (const text of texts) {
      output.block(text)
      if (output.length >= SEARCH_WRITE_BYTES && !(await this.#send())) return false
    }
    return this.#send()
  }

  /** The printed text of each gathered message in `[from, to)`; undefined if together they have too many bytes. */
  #textsOf(from: number, to: number): Buffer[] | undefined {
    const { output } = this.#writer
    const texts = Array.from({ length: to - from }, () => NOTHING)
    const ofBlock = new Map<StoredBlock, number[]>()
    for (let i = from; i < to; i += 1) {
      const { block } = this.#gathered[i]
      const known = ofBlock.get(block)
      if (known) known.push(i)
      else ofBlock.set(block, [i])
    }
    let bytes = 0
    const lost = this.lost
    for (const entries of ofBlock.values()) {
      for (const i of entries) {
        this.#write(this.#gathered[i])
        texts[i - from] = Buffer.from(output.written)
        bytes += output.length
        output.clear()
        if (bytes > SEARCH_GATHERED_BYTES_MAX && to - from > 1) {
          this.lost = lost
          return undefined
        }
      }
    }
    return texts
  }

  #write({ block, row, isMatch, separated }: Gathered): boolean {
    if (separated) this.#writer.separator()
    try {
      this.#writer.write(this.#caches.take(block), row, isMatch)
      return true
    } catch (error) {
      this.#note(error)
      if (this.#gathered.length > 0 && isMatch) this.lost += 1
      return false
    }
  }

  async #send(): Promise<boolean> {
    const { output } = this.#writer
    if (output.length === 0) return true
    const open = await this.#target.write(output.written)
    output.clear()
    return open
  }
}
