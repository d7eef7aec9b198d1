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

/** Blocks in the order in which a merge opens them. Many merges of the same blocks can share it. */
export class BlockOrder {
  readonly backwards: boolean
  /** The first one to be opened is first. */
  readonly blocks: readonly StoredBlock[]
  /** By block: where the furthest of the blocks up to it ends, negated if backwards. Never falls. */
  readonly #reach: Float64Array

  constructor(blocks: readonly StoredBlock[], backwards: boolean) {
    this.backwards = backwards
    const sign = backwards ? -1 : 1
    this.blocks = [...blocks].sort((a, b) => sign * (this.begin(a) - this.begin(b)) || a.order - b.order)
    this.#reach = new Float64Array(blocks.length)
    let reach = -Infinity
    for (const [i, block] of this.blocks.entries()) this.#reach[i] = reach = Math.max(reach, sign * this.end(block))
  }

  begin(block: StoredBlock): number {
    return this.backwards ? block.timeMax : block.timeMin
  }

  end(block: StoredBlock): number {
    return this.backwards ? block.timeMin : block.timeMax
  }

  /** How many blocks at the start of the order end before a time. */
  endedBefore(time: number): number {
    const place = this.backwards ? -time : time
    return firstIndex(this.#reach.length, (i) => this.#reach[i] >= place)
  }
}

/** The first index for which `is` holds, which it then does for all after it; `count` if there is none. */
export function firstIndex(count: number, is: (index: number) => boolean): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >> 1
    if (is(middle)) high = middle
    else low = middle + 1
  }
  return low
}

/** The rows that are not 0 in `selected`, in time order. */
export function rowsInOrder(selected: Uint8Array, times: Float64Array): Uint32Array {
  const found = new Uint32Array(selected.length)
  let count = 0
  for (let row = 0; row < selected.length; row += 1) if (selected[row] !== 0) found[count++] = row
  return sortRows(found.subarray(0, count), times)
}

/** Puts ascending rows in time order, in place. Most are already. */
export function sortRows(rows: Uint32Array, times: Float64Array): Uint32Array {
  let sorted = true
  for (let i = 1; i < rows.length && sorted; i += 1) sorted = times[rows[i - 1]] <= times[rows[i]]
  return sorted ? rows : rows.sort((a, b) => times[a] - times[b] || a - b)
}

/** An open block in the merge. The inherited fields are the position of its next message. */
interface Cursor extends Position {
  time: number
  readonly order: number
  row: number
  readonly block: StoredBlock
  /** The held rows in the order of the merge, and their times. */
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
  /** The selected rows of a block, from the earliest to the latest, and rows of equal times in ascending order. */
  readonly rowsOf: (block: StoredBlock) => Uint32Array
  /** A block's times by row, µs since the epoch. Called if it has selected rows. */
  readonly timesOf: (block: StoredBlock) => Float64Array
  /** Begin after this position. Then only a few messages are held of each block, since only the next ones are wanted. */
  readonly after?: Position
}

export class Timeline {
  /** The current message, set by `next`. */
  position: Position = { time: NaN, order: 0, row: 0 }
  block!: StoredBlock
  readonly #sign: 1 | -1
  readonly #order: BlockOrder
  readonly #options: TimelineOptions
  /** Index in the order of the next block that is not open yet. */
  #waiting: number
  /** A binary heap of the open blocks; the cursor of the next message is first. */
  readonly #cursors: Cursor[] = []
  /** Number of messages that all cursors hold. */
  #held = 0

  constructor(order: BlockOrder, options: TimelineOptions) {
    this.#options = options
    this.#sign = order.backwards ? -1 : 1
    this.#order = order
    this.#waiting = options.after ? order.endedBefore(options.after.time) : 0
  }

  /** Whether another block has to be opened before the next message is known. The caller may print what it has until then. */
  get waits(): boolean {
    const first = this.#cursors[0]
    const waiting = this.#order.blocks.at(this.#waiting)
    return waiting !== undefined && (!first || this.#sign * (this.#order.begin(waiting) - first.time) <= 0)
  }

  /** Moves to the next message and sets `block` and `position`; returns false if there is none. */
  next(): boolean {
    for (;;) {
      if (this.waits) {
        this.#open(this.#order.blocks[this.#waiting])
        this.#waiting += 1
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

  #open(block: StoredBlock): void {
    const { after } = this.#options
    if (after && this.#sign * (this.#order.end(block) - after.time) < 0) return
    const held = this.#hold(block, after)
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
    const all = this.#options.rowsOf(block)
    if (all.length === 0) return undefined
    const times = this.#options.timesOf(block)
    const sign = this.#sign
    const compared = (row: number, to: Position) => times[row] - to.time || block.order - to.order || row - to.row
    let low = 0
    let high = all.length
    if (after && sign > 0) low = firstIndex(high, (i) => compared(all[i], after) > 0)
    else if (after) high = firstIndex(high, (i) => compared(all[i], after) >= 0)
    if (low === high) return undefined
    const room = this.#options.after ? 0 : Math.floor((SEARCH_HELD_MESSAGES_MAX - this.#held) * ROOM_PART)
    const count = Math.min(high - low, Math.max(SEARCH_HELD_OF_BLOCK_MIN, room))
    const taken = sign > 0 ? all.slice(low, low + count) : all.slice(high - count, high).reverse()
    const takenTimes = new Float64Array(count)
    for (let i = 0; i < count; i += 1) takenTimes[i] = times[taken[i]]
    this.#held += count
    return { rows: taken, times: takenTimes, isWhole: count === high - low }
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
