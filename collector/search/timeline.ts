// Puts the selected messages of many blocks in time order, by merging the blocks whose times overlap.
//
//   time ───▶            block 1  ├──·──·····─┤
//                        block 2        ├─·───··──┤         open: 1, then 1 and 2 until the end of block 1, then 2, then none
//                        block 3                      ├───··─┤
//
// A block is opened when the merge reaches its earliest time. For the selected messages of all open blocks, 12 bytes each are
// held in memory, up to a maximum in total. If a block's messages do not fit, only its next ones are held, and the block is
// read again for those after them. So a year of blocks that all begin at the same time (because of a sender whose clock stands
// still) takes no more memory than a day.

import { SEARCH_HELD_MESSAGES_MAX, SEARCH_HELD_OF_BLOCK_MIN } from '../../common/limits.ts'
import type { StoredBlock } from './stored-block.ts'

/** A message's place in time order; messages with equal times are in intake order (`order` of the block, then row). */
export interface Position {
  readonly time: number
  readonly order: number
  readonly row: number
}

/** Negative if a comes before b. */
export function comparePositions(a: Position, b: Position): number {
  return a.time - b.time || a.order - b.order || a.row - b.row
}

/** An open block in the merge. The inherited fields are the position of its next message. */
interface Cursor extends Position {
  time: number
  readonly order: number
  row: number
  readonly block: StoredBlock
  /** The held rows in time order, and their times. */
  rows: Uint32Array
  times: Float64Array
  /** Index in `rows` of the message after the next one. */
  next: number
  /** Whether the block has no more selected messages after `rows`. */
  isWhole: boolean
}

/** Share of the remaining room that one block may take. */
const ROOM_PART = 1 / 16

export interface TimelineOptions {
  readonly backwards: boolean
  /** Not zero for each selected row of a block. */
  readonly rowsOf: (block: StoredBlock) => Uint8Array
  /** A block's times by row, µs since the epoch; undefined if they cannot be read: then the block is left out. */
  readonly timesOf: (block: StoredBlock) => Float64Array | undefined
}

export class Timeline {
  /** The current message, set by `next`. */
  position: Position = { time: NaN, order: 0, row: 0 }
  block!: StoredBlock
  readonly #sign: 1 | -1
  readonly #options: TimelineOptions
  /** Blocks that are not open yet; the next one is last. */
  readonly #waiting: StoredBlock[]
  /** A binary heap of the open blocks; the cursor of the next message is first. */
  readonly #cursors: Cursor[] = []
  /** Number of messages that all cursors hold. */
  #held = 0

  constructor(blocks: readonly StoredBlock[], options: TimelineOptions) {
    this.#options = options
    this.#sign = options.backwards ? -1 : 1
    this.#waiting = [...blocks].sort((a, b) => this.#sign * (this.#begin(b) - this.#begin(a)) || b.order - a.order)
  }

  /** Whether another block has to be opened before the next message is known. The caller may print what it has until then. */
  get waits(): boolean {
    const first = this.#cursors[0]
    const waiting = this.#waiting.at(-1)
    return waiting !== undefined && (!first || this.#sign * (this.#begin(waiting) - first.time) <= 0)
  }

  /** Moves to the next message and sets `block` and `position`; returns false if there is none. */
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

  /** Loads the messages after the cursor's last one; returns false if the block has no more. */
  #refill(cursor: Cursor): boolean {
    this.#held -= cursor.rows.length
    const held = cursor.isWhole ? undefined : this.#hold(cursor.block, cursor)
    if (!held) return false
    Object.assign(cursor, held, { next: 0 })
    return true
  }

  /** A block's next selected messages after a position (undefined: from its start), as many as there is room for. */
  #hold(block: StoredBlock, after: Position | undefined): Pick<Cursor, 'rows' | 'times' | 'isWhole'> | undefined {
    const selected = this.#options.rowsOf(block)
    if (!selected.includes(1)) return undefined
    const all = this.#options.timesOf(block)
    if (!all) return undefined
    const sign = this.#sign
    const isAfter = (row: number) => !after || sign * (all[row] - after.time || row - after.row) > 0
    let count = 0
    const found = new Uint32Array(selected.length)
    for (let row = 0; row < selected.length; row += 1) if (selected[row] !== 0 && isAfter(row)) found[count++] = row
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
