// The distinct pairs of host and program in a block: a message's sender is found with one look, which gives its numbers in
// both dictionaries, and with it what is known of the sender: the last pid (a daemon keeps its own, so the next is most often
// the same), and the states of the n-gram hash behind `host program` and behind the last `host program[pid]: `.

import { hashInto, sameBytes } from './byte-ranges.ts'
import { Dictionary, grown } from './dictionary.ts'

const FIRST_SENDERS = 2048

/** Cells of a sender. They lie together, as in one line of the processor's cache, since all are looked at. */
export const SENDER = 8
/** Numbers in `hosts` and in `programs`. */
export const HOST = 0
export const PROGRAM = 1
/** The last pid; 0 before the first. */
export const LAST_PID = 2
/** The state behind `host program`. */
export const STATE = 3
/** The pid (or that there is none) that led to `TAG_STATE`, or `NO_TAG`. */
export const TAGGED = 4
export const TAG_STATE = 5
const HASH = 6

/** Nothing was tagged yet. */
export const NO_TAG = -3

export class Senders {
  readonly hosts = new Dictionary()
  readonly programs = new Dictionary()
  count = 0
  /** Sender s has the cells from `s * SENDER` on. */
  cells: Int32Array = new Int32Array(FIRST_SENDERS * SENDER)
  /** Number + 1, open addressing; at most half full. */
  #slots = new Int32Array(2 * FIRST_SENDERS)

  clear(): void {
    if (this.count > 0) this.#slots.fill(0)
    this.hosts.clear()
    this.programs.clear()
    this.count = 0
  }

  /** The number of the sender whose host is `[hostStart, hostEnd)` of `hostBytes`, and its program likewise. */
  find(
    hostBytes: DataView,
    hostStart: number,
    hostEnd: number,
    programBytes: DataView,
    programStart: number,
    programEnd: number,
  ): number {
    const hostHash = hashInto(hostEnd - hostStart, hostBytes, hostStart, hostEnd)
    const hash = hashInto(hostHash, programBytes, programStart, programEnd)
    const mask = this.#slots.length - 1
    let slot = (hash ^ (hash >>> 15)) & mask
    for (let sender = this.#slots[slot] - 1; sender >= 0; sender = this.#slots[slot] - 1) {
      const cell = sender * SENDER
      if (
        this.cells[cell + HASH] === hash &&
        isEntry(this.hosts, this.cells[cell + HOST], hostBytes, hostStart, hostEnd) &&
        isEntry(this.programs, this.cells[cell + PROGRAM], programBytes, programStart, programEnd)
      ) {
        return sender
      }
      slot = (slot + 1) & mask
    }
    const sender = this.count
    const cell = sender * SENDER
    if (cell === this.cells.length) this.cells = grown(this.cells, new Int32Array(2 * this.cells.length))
    this.cells[cell + HOST] = this.hosts.idOf(hostBytes, hostStart, hostEnd)
    this.cells[cell + PROGRAM] = this.programs.idOf(programBytes, programStart, programEnd)
    this.cells[cell + LAST_PID] = 0
    this.cells[cell + TAGGED] = NO_TAG
    this.cells[cell + HASH] = hash
    this.#slots[slot] = sender + 1
    this.count = sender + 1
    if (2 * this.count > this.#slots.length) this.#rehash()
    return sender
  }

  #rehash(): void {
    this.#slots = new Int32Array(2 * this.#slots.length)
    const mask = this.#slots.length - 1
    for (let sender = 0; sender < this.count; sender += 1) {
      const hash = this.cells[sender * SENDER + HASH]
      let slot = (hash ^ (hash >>> 15)) & mask
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
      this.#slots[slot] = sender + 1
    }
  }
}

function isEntry(dictionary: Dictionary, id: number, bytes: DataView, start: number, end: number): boolean {
  const at = dictionary.startOf(id)
  return dictionary.ends[id] - at === end - start && sameBytes(dictionary.values.view, at, bytes, start, end - start)
}
