// For each pair of host and program in a block: the last pid (a daemon keeps its own, so the next is most often the same), and
// the states of the n-gram hash behind `host program` and behind the last `host program[pid]: `.

const FIRST_SLOTS = 4096

/** In `tagged` where nothing was tagged yet. */
export const NO_TAG = -3

export class PidPairs {
  /** By the number that `find` gave. */
  pids: Int32Array = new Int32Array(FIRST_SLOTS)
  states: Int32Array = new Int32Array(FIRST_SLOTS)
  /** The pid (or that there is none) whose tag led to `tagStates`. */
  tagged: Int32Array = new Int32Array(FIRST_SLOTS)
  tagStates: Int32Array = new Int32Array(FIRST_SLOTS)
  /** Whether the last `find` made the pair. */
  isNew = false
  #hosts = new Int32Array(FIRST_SLOTS)
  #programs = new Int32Array(FIRST_SLOTS)
  /** Number + 1, open addressing; at most half full. */
  #slots = new Int32Array(2 * FIRST_SLOTS)
  #count = 0

  clear(): void {
    this.#slots.fill(0)
    this.#count = 0
  }

  find(host: number, program: number): number {
    const mask = this.#slots.length - 1
    for (let slot = hashOf(host, program) & mask; ; slot = (slot + 1) & mask) {
      const pair = this.#slots[slot] - 1
      if (pair < 0) return this.#add(host, program, slot)
      if (this.#hosts[pair] === host && this.#programs[pair] === program) {
        this.isNew = false
        return pair
      }
    }
  }

  #add(host: number, program: number, slot: number): number {
    const pair = this.#count
    if (pair === this.pids.length) {
      this.#grow()
      return this.find(host, program)
    }
    this.#hosts[pair] = host
    this.#programs[pair] = program
    this.pids[pair] = 0
    this.tagged[pair] = NO_TAG
    this.#slots[slot] = pair + 1
    this.#count = pair + 1
    this.isNew = true
    return pair
  }

  #grow(): void {
    const twice = (from: Int32Array) => {
      const larger = new Int32Array(2 * from.length)
      larger.set(from)
      return larger
    }
    this.pids = twice(this.pids)
    this.states = twice(this.states)
    this.tagged = twice(this.tagged)
    this.tagStates = twice(this.tagStates)
    this.#hosts = twice(this.#hosts)
    this.#programs = twice(this.#programs)
    this.#slots = new Int32Array(2 * this.#slots.length)
    const mask = this.#slots.length - 1
    for (let pair = 0; pair < this.#count; pair += 1) {
      let slot = hashOf(this.#hosts[pair], this.#programs[pair]) & mask
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
      this.#slots[slot] = pair + 1
    }
  }
}

function hashOf(host: number, program: number): number {
  const hash = Math.imul(host, 0x9e3779b1) ^ Math.imul(program, 0x85ebca6b)
  return hash ^ (hash >>> 15)
}
