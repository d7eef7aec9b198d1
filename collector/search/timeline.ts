// Messages of many blocks in the order of time: a merge of what each block gives, over the blocks whose times overlap.
//
//   time ───▶            block 1  ├──·──·····─┤
//                        block 2        ├─·───··──┤         open: 1, 2 until block 1 is through, then 2, then none
//                        block 3                      ├───··─┤
//
// A block is opened when the merge comes to its earliest time, so memory is bounded by the blocks that overlap there:
// 12 bytes for each of their selected messages, and the decoded blocks that the shelf keeps.

import type { StoredBlock } from './stored-block.ts'

/** Where a message stands in time; equal times in the order of intake. */
export interface Position {
  readonly time: number
  readonly order: number
  readonly row: number
}

/** Below zero where a is earlier than b. */
export function comparePositions(a: Position, b: Position): number {
  return a.time - b.time || a.order - b.order || a.row - b.row
}

/** What one block gives: rows by time. */
interface Cursor extends Position {
  time: number
  readonly order: number
  row: number
  readonly block: StoredBlock
  readonly rows: Uint32Array
  readonly times: Float64Array
  next: number
}

export interface TimelineOptions {
  readonly backwards: boolean
  /** The selected rows of a block: not zero for each. */
  readonly rowsOf: (block: StoredBlock) => Uint8Array
  /** A block's times, by row; undefined where they cannot be read, and then none of it comes. */
  readonly timesOf: (block: StoredBlock) => Float64Array | undefined
}

export class Timeline {
  /** The message that `next` came to. */
  position: Position = { time: NaN, order: 0, row: 0 }
  block!: StoredBlock
  readonly #sign: 1 | -1
  readonly #options: TimelineOptions
  /** Blocks not opened, the next one last. */
  readonly #waiting: StoredBlock[]
  /** A heap: the next message's cursor first. */
  readonly #cursors: Cursor[] = []

  constructor(blocks: readonly StoredBlock[], options: TimelineOptions) {
    this.#options = options
    this.#sign = options.backwards ? -1 : 1
    this.#waiting = [...blocks].sort((a, b) => this.#sign * (this.#begin(b) - this.#begin(a)) || b.order - a.order)
  }

  /** Whether a block has to be read before the next message is known: what was found until now can be shown. */
  get waits(): boolean {
    const first = this.#cursors[0]
    const waiting = this.#waiting.at(-1)
    return waiting !== undefined && (!first || this.#sign * (this.#begin(waiting) - first.time) <= 0)
  }

  /** Goes to the next message; false where there is none. */
  next(): boolean {
    for (;;) {
      if (this.waits) {
        this.#open(this.#waiting.pop()!)
        continue
      }
      const first = this.#cursors[0]
      if (!first) return false
      this.block = first.block
      this.position = { time: first.time, order: first.order, row: first.row }
      if (first.next < first.rows.length) this.#advance(first)
      else this.#dropFirst()
      this.#sink(0)
      return true
    }
  }

  #begin(block: StoredBlock): number {
    return this.#options.backwards ? block.timeMax : block.timeMin
  }

  #open(block: StoredBlock): void {
    const open = this.#options.rowsOf(block)
    const count = open.reduce((sum, bit) => sum + bit, 0)
    if (count === 0) return
    const all = this.#options.timesOf(block)
    if (!all) return
    const rows = new Uint32Array(count)
    for (let row = 0, at = 0; row < open.length; row += 1) if (open[row] !== 0) rows[at++] = row
    const sign = this.#sign
    let sorted = true
    for (let i = 1; i < count && sorted; i += 1) sorted = all[rows[i - 1]] <= all[rows[i]]
    if (!sorted) rows.sort((a, b) => all[a] - all[b] || a - b)
    if (sign < 0) rows.reverse()
    const times = Float64Array.from(rows, (row) => all[row])
    const cursor: Cursor = { time: times[0], order: block.order, row: rows[0], block, rows, times, next: 1 }
    this.#cursors.push(cursor)
    this.#rise(this.#cursors.length - 1)
  }

  #advance(cursor: Cursor): void {
    cursor.row = cursor.rows[cursor.next]
    cursor.time = cursor.times[cursor.next]
    cursor.next += 1
  }

  #dropFirst(): void {
    const last = this.#cursors.pop()!
    if (this.#cursors.length > 0) this.#cursors[0] = last
  }

  #before(a: Cursor, b: Cursor): boolean {
    return this.#sign * comparePositions(a, b) < 0
  }

  #rise(from: number): void {
    let i = from
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!this.#before(this.#cursors[i], this.#cursors[parent])) return
      this.#swap(i, parent)
      i = parent
    }
  }

  #sink(from: number): void {
    let i = from
    for (;;) {
      let least = i
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < this.#cursors.length && this.#before(this.#cursors[child], this.#cursors[least])) least = child
      }
      if (least === i) return
      this.#swap(i, least)
      i = least
    }
  }

  #swap(i: number, j: number): void {
    const cursor = this.#cursors[i]
    this.#cursors[i] = this.#cursors[j]
    this.#cursors[j] = cursor
  }
}
