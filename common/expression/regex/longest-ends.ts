// Finds the ends of the longest matches from all places of a text in one pass, from the end of the text to its start.
//
// The program that reads backwards is simulated (Thompson): a thread is a step and the place where it began, which is where its
// match ends in the text. A thread begins at every place. All threads are kept in the order in which they began, and of two at the
// same step only the older one goes on. So the first one that is through when the pass comes to a place has the longest match from there.
//
//   a|a[^b]*b on "aaba"             ◀── read      threads that are through, by place: ends of matches from there
//                                    a  a  b  a
//                                   0  1  2  3    0: 1, 3      1: 2, 3      3: 4
//
// A character takes time in proportion to the number of threads, so this is slower than a lazy DFA, which takes one look at a
// table. But a DFA has to look for the end from each place anew.

import { Alphabet } from './alphabet.ts'
import { characterBefore } from './character.ts'
import { isAt, TEXT_EDGE } from './neighbour.ts'
import { ASK, END, FORK, type Program } from './program.ts'

/** Threads from the oldest to the youngest. */
interface Threads {
  readonly steps: Uint32Array
  readonly begins: Uint32Array
  count: number
}

export class LongestEnds {
  readonly #program: Program
  readonly #alphabet: Alphabet
  #threads: Threads
  #next: Threads
  /** By step: the number of the place at which a thread was last there. Places are counted on for as long as the process runs. */
  readonly #seen: Float64Array
  #place = 0
  readonly #waiting: number[] = []

  /** `program` reads backwards. */
  constructor(program: Program) {
    const steps = program.kinds.length
    this.#program = program
    this.#alphabet = new Alphabet(program)
    this.#seen = new Float64Array(steps)
    this.#threads = threads(steps)
    this.#next = threads(steps)
  }

  /**
   * Writes the ends of the longest matches in `text[start, end)` into `into`, one for each place at which a match begins, in descending
   * order of these places; at most `count`.
   */
  find(text: Uint8Array, start: number, end: number, count: number, into: Uint32Array): void {
    const { columns, neighbours, holds } = this.#alphabet
    this.#threads.count = 0
    let before = TEXT_EDGE
    let found = 0
    for (let at = end; at >= start && found < count;) {
      const character = at > start ? characterBefore(text, at, start) : 1
      const code = character >> 3
      const column = at === start ? -1 : code < 0x80 ? columns[code] : this.#alphabet.columnOf(code)
      const after = column < 0 ? TEXT_EDGE : neighbours[column]
      const longest = this.#advance(at, before, after, column < 0 ? undefined : holds[column])
      if (longest >= 0) into[found++] = longest
      before = after
      at -= character & 7
    }
  }

  /** Lets all threads, and a new one, go on through the next character; `holds` tells the sets that contain it. Returns the longest end. */
  #advance(at: number, before: number, after: number, holds: Uint8Array | undefined): number {
    const threads = this.#threads
    const next = this.#next
    this.#place += 1
    next.count = 0
    let longest = -1
    for (let i = 0; i < threads.count; i += 1) {
      if (this.#follow(threads.steps[i], threads.begins[i], before, after, holds) && longest < 0)
        longest = threads.begins[i]
    }
    if (this.#follow(this.#program.start, at, before, after, holds) && longest < 0) longest = at
    this.#threads = next
    this.#next = threads
    return longest
  }

  /** Follows one thread up to and through the next character. Returns whether it is through before that. */
  #follow(first: number, begin: number, before: number, after: number, holds: Uint8Array | undefined): boolean {
    const { kinds, values, nexts, places } = this.#program
    const next = this.#next
    const waiting = this.#waiting
    let isThrough = false
    waiting.push(first)
    for (let step = waiting.pop(); step !== undefined; step = waiting.pop()) {
      if (this.#seen[step] === this.#place) continue
      this.#seen[step] = this.#place
      const kind = kinds[step]
      if (kind === FORK) waiting.push(values[step], nexts[step])
      else if (kind === END) isThrough = true
      else if (kind === ASK) {
        if (isAt(places[values[step]], before, after)) waiting.push(nexts[step])
      } else if (holds?.[values[step]] === 1) {
        next.steps[next.count] = nexts[step]
        next.begins[next.count] = begin
        next.count += 1
      }
    }
    return isThrough
  }
}

/** Room for as many threads as there are steps: each step has one at most. */
function threads(steps: number): Threads {
  return { steps: new Uint32Array(steps), begins: new Uint32Array(steps), count: 0 }
}
