// Messages of many blocks in the order of time: a merge of what each block gives, over the blocks whose times overlap.
//
//   time ───▶            block 1  ├──·──·····─┤
//                        block 2        ├─·───··──┤         open: 1, 2 until block 1 is through, then 2, then none
//                        block 3                      ├───··─┤
//
// A block is opened when the merge comes to its earliest time. Of the blocks that overlap there, 12 bytes are held for each of the
// selected messages, up to a number of messages: of blocks for which there is less room than they have, the next few are held, and they
// are asked again for those behind. So a year of blocks that all begin with the same message (a sender whose clock stands still)
// takes no more memory than a day.

import { SEARCH_HELD_MESSAGES_MAX, SEARCH_HELD_OF_BLOCK_MIN } from '../../common/limits.ts'
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
  rows: Uint32Array
  times: Float64Array
  next: number
  /** Whether these are all that the block still has. */
  isWhole: boolean
}

/** A block that still has messages may take this part of what room there is. */
const ROOM_PART = 1 / 16

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
  /** Messages that all cursors hold. */
  #held = 0

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
      if (first.next < first.rows.length || this.#refill(first)) this.#advance(first)
      else this.#dropFirst()
      this.#sink(0)
      return true
    }
  }

  #begin(block: StoredBlock): number {
    return this.#options.backwards ? block.timeMax : block.timeMin
  }

  #open(block: StoredBlock): void {
    const held = this.#hold(block, undefined)
    if (!held) return
    this.#cursors.push({ ...held, time: held.times[0], order: block.order, row: held.rows[0], block, next: 1 })
    this.#rise(this.#cursors.length - 1)
  }

  /** Holds what comes behind the cursor's last message; false where the block has no more. */
  #refill(cursor: Cursor): boolean {
    this.#held -= cursor.rows.length
    const held = cursor.isWhole ? undefined : this.#hold(cursor.block, cursor)
    if (!held) return false
    Object.assign(cursor, held, { next: 0 })
    return true
  }

  /** The block's next selected messages behind a position, as many as there is room for. */
  #hold(block: StoredBlock, behind: Position | undefined): Pick<Cursor, 'rows' | 'times' | 'isWhole'> | undefined {
    const selected = this.#options.rowsOf(block)
    if (!selected.includes(1)) return undefined
    const all = this.#options.timesOf(block)
    if (!all) return undefined
    const sign = this.#sign
    const isBehind = (row: number) => !behind || sign * (all[row] - behind.time || row - behind.row) > 0
    let count = 0
    const found = new Uint32Array(selected.length)
    for (let row = 0; row < selected.length; row += 1) if (selected[row] !== 0 && isBehind(row)) found[count++] = row
    if (count === 0) return undefined
    const rows = found.subarray(0, count)
    let sorted = true
    for (let i = 1; i < count && sorted; i += 1) sorted = all[rows[i - 1]] <= all[rows[i]]
    if (!sorted) rows.sort((a, b) => all[a] - all[b] || a - b)
    if (sign < 0) rows.reverse()
    const room = Math.floor((SEARCH_HELD_MESSAGES_MAX - this.#held) * ROOM_PART)
    const taken = rows.slice(0, Math.max(SEARCH_HELD_OF_BLOCK_MIN, room))
    this.#held += taken.length
    return { rows: taken, times: Float64Array.from(taken, (row) => all[row]), isWhole: taken.length === count }
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
