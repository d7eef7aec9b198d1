// The senders of a block: its distinct pairs of host and program. One hash lookup finds a message's sender, and with it the
// sender's numbers in both dictionaries, its last pid (a daemon keeps its pid, so the next one is usually the same), and the
// states of the n-gram hash after `host program` and after the last `host program[pid]: `.

import { grown } from '../../common/grown.ts'
import { hashInto, sameBytes } from './byte-ranges.ts'
import { Dictionary } from './dictionary.ts'

const FIRST_SENDERS = 2048

/** Number of cells per sender. They are adjacent, so that a sender's values share a cache line. */
export const SENDER = 8
/** Numbers in `hosts` and in `programs`. */
export const HOST = 0
export const PROGRAM = 1
/** The last pid; 0 before the first. */
export const LAST_PID = 2
/** The n-gram hash state after `host program`. */
export const STATE = 3
/** The pid, or NO_PID, that `TAG_STATE` belongs to; `NO_TAG` before the first. */
export const TAGGED = 4
/** The n-gram hash state after `host program[pid]: `. */
export const TAG_STATE = 5
const HASH = 6

/** The sender has no `TAG_STATE` yet. */
export const NO_TAG = -3

export class Senders {
  readonly hosts = new Dictionary()
  readonly programs = new Dictionary()
  count = 0
  /** The cells of sender s begin at `s * SENDER`. */
  cells: Int32Array = new Int32Array(FIRST_SENDERS * SENDER)
  /** Hash table with open addressing, at most half full: a sender's number + 1, or 0 for a free slot. */
  #slots = new Int32Array(2 * FIRST_SENDERS)

  clear(): void {
    if (this.count > 0) this.#slots.fill(0)
    this.hosts.clear()
    this.programs.clear()
    this.count = 0
  }

  /** The number of the sender with this host (`[hostStart, hostEnd)` of `hostBytes`) and program, which is added if it is new. */
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
    if (cell === this.cells.length) this.cells = grown(this.cells)
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
