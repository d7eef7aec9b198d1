// What is printed, on its way out. A message of a block that is open is written at once. Where more blocks overlap in time than can be
// open, the next one is nearly always of another block: what is to be printed is then gathered, and written block by block, so that
// each block is opened once for thousands of messages and not once for each.
//
//   gathered, in order     1:17 3:2 2:8 1:18 -- 3:3 …           block:row
//   written                1:17 1:18 │ 3:2 3:3 │ 2:8            each block once
//   printed, in order      1:17 3:2 2:8 1:18 -- 3:3 …
//
// A search goes on for at most so long before it shows what it has gathered.

import type { Clock } from '../../common/clock.ts'
import {
  SEARCH_GATHERED_BYTES_MAX,
  SEARCH_GATHERED_ENTRIES_MAX,
  SEARCH_GATHERED_MS,
  SEARCH_WRITE_BYTES,
} from '../../common/limits.ts'
import type { BlockShelf } from './block-shelf.ts'
import type { EntryWriter } from './entry-writer.ts'
import type { StoredBlock } from './stored-block.ts'

/** Where the output goes. */
export interface GrepTarget {
  /** Resolves to false when nobody reads on. The bytes may be overwritten then. */
  write(bytes: Buffer): Promise<boolean>
}

interface Gathered {
  readonly block: StoredBlock
  readonly row: number
  readonly marked: boolean
  /** Whether the separator stands before it. */
  readonly separated: boolean
}

const NOTHING = Buffer.alloc(0)

export class EntryQueue {
  /** Messages that were searched for, were gathered, and could not be read. */
  lost = 0
  readonly #writer: EntryWriter
  readonly #shelf: BlockShelf
  readonly #target: GrepTarget
  readonly #clock: Clock
  readonly #note: (error: unknown) => void
  readonly #gathered: Gathered[] = []
  #separated = false
  #flushedMs: number

  /** `note` is told what could not be read, and throws what is no such fault. */
  constructor(
    writer: EntryWriter,
    shelf: BlockShelf,
    target: GrepTarget,
    clock: Clock,
    note: (error: unknown) => void,
  ) {
    this.#writer = writer
    this.#shelf = shelf
    this.#target = target
    this.#clock = clock
    this.#note = note
    this.#flushedMs = clock.monotonicMs()
  }

  /** Adds a message; `marked` where it is one that was searched for. Returns false where it is known that it cannot be read. */
  add(block: StoredBlock, row: number, marked: boolean): boolean {
    const separated = this.#separated
    this.#separated = false
    const entry = { block, row, marked, separated }
    if (this.#gathered.length === 0 && this.#shelf.has(block)) return this.#write(entry)
    this.#gathered.push(entry)
    return true
  }

  /** What is added next belongs to another group of neighbours. */
  separator(): void {
    this.#separated = true
  }

  /** Whether there is so much that it has to be flushed. */
  get isFull(): boolean {
    return this.#writer.output.length >= SEARCH_WRITE_BYTES || this.#gathered.length >= SEARCH_GATHERED_ENTRIES_MAX
  }

  /** Whether what there is should be shown before a block is read. */
  get isDue(): boolean {
    return this.#gathered.length === 0 || this.#clock.monotonicMs() - this.#flushedMs >= SEARCH_GATHERED_MS
  }

  /** Resolves to false when nobody reads on. */
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

  /** Gathered messages `[from, to)` as they are printed; undefined where they are too many bytes. */
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

  #write({ block, row, marked, separated }: Gathered): boolean {
    if (separated) this.#writer.separator()
    try {
      this.#writer.write(this.#shelf.take(block), row, marked)
      return true
    } catch (error) {
      this.#note(error)
      if (this.#gathered.length > 0 && marked) this.lost += 1
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
