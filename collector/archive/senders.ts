// The distinct pairs of host and program in a block: a message's sender is found with one look, which gives its numbers in
// both dictionaries, and with it what is known of the sender: the last pid (a daemon keeps its own, so the next is most often
// the same), and the states of the n-gram hash behind `host program` and behind the last `host program[pid]: `.

import { hashInto, sameBytes } from './byte-ranges.ts'
import { Dictionary, grown } from './dictionary.ts'

const FIRST_SENDERS = 4096

/** In `tagged` where nothing was tagged yet. */
export const NO_TAG = -3

export class Senders {
  readonly hosts = new Dictionary()
  readonly programs = new Dictionary()
  count = 0
  /** By the number that `find` gave: its entry in `hosts`, and in `programs`. */
  hostIds: Int32Array = new Int32Array(FIRST_SENDERS)
  programIds: Int32Array = new Int32Array(FIRST_SENDERS)
  pids: Int32Array = new Int32Array(FIRST_SENDERS)
  states: Int32Array = new Int32Array(FIRST_SENDERS)
  /** The pid (or that there is none) whose tag led to `tagStates`. */
  tagged: Int32Array = new Int32Array(FIRST_SENDERS)
  tagStates: Int32Array = new Int32Array(FIRST_SENDERS)
  #hashes: Int32Array = new Int32Array(FIRST_SENDERS)
  /** Number + 1, open addressing; at most half full. */
  #slots = new Int32Array(2 * FIRST_SENDERS)

  clear(): void {
    this.hosts.clear()
    this.programs.clear()
    this.#slots.fill(0)
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
      if (
        this.#hashes[sender] === hash &&
        isEntry(this.hosts, this.hostIds[sender], hostBytes, hostStart, hostEnd) &&
        isEntry(this.programs, this.programIds[sender], programBytes, programStart, programEnd)
      ) {
        return sender
      }
      slot = (slot + 1) & mask
    }
    const sender = this.count
    if (sender === this.pids.length) this.#grow()
    this.hostIds[sender] = this.hosts.idOf(hostBytes, hostStart, hostEnd)
    this.programIds[sender] = this.programs.idOf(programBytes, programStart, programEnd)
    this.pids[sender] = 0
    this.tagged[sender] = NO_TAG
    this.#hashes[sender] = hash
    this.#slots[slot] = sender + 1
    this.count = sender + 1
    if (2 * this.count > this.#slots.length) this.#rehash()
    return sender
  }

  #grow(): void {
    const twice = (from: Int32Array) => grown(from, new Int32Array(2 * from.length))
    this.hostIds = twice(this.hostIds)
    this.programIds = twice(this.programIds)
    this.pids = twice(this.pids)
    this.states = twice(this.states)
    this.tagged = twice(this.tagged)
    this.tagStates = twice(this.tagStates)
    this.#hashes = twice(this.#hashes)
  }

  #rehash(): void {
    this.#slots = new Int32Array(2 * this.#slots.length)
    const mask = this.#slots.length - 1
    for (let sender = 0; sender < this.count; sender += 1) {
      const hash = this.#hashes[sender]
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
