// The set of open steps of a program while it is followed: those that consume a character, evaluate an assertion, or are the end.

import { END, FORK, type Program } from './program.ts'

/** The highest number of a round; then they are numbered from 1 again. */
const ROUNDS_MAX = 255

export class OpenSteps {
  /** The steps in the order in which they were added: the first `count`. */
  readonly steps: Int32Array
  count = 0
  /** Whether the end is among them. */
  hasEnd = false
  readonly #program: Program
  // The round in which each step was last added. (Rounds that were counted without end would exceed 2^31 in a filter that fills its
  // table again and again for a day.)
  readonly #seen: Uint8Array
  #round = 0
  readonly #waiting: number[] = []

  constructor(program: Program) {
    this.#program = program
    this.steps = new Int32Array(program.kinds.length)
    this.#seen = new Uint8Array(program.kinds.length)
  }

  /** A copy of the list. (`slice` and `from` of typed arrays take longer than all that is done with a list.) */
  list(): number[] {
    const { steps, count } = this
    const list: number[] = []
    for (let i = 0; i < count; i += 1) list.push(steps[i])
    return list
  }

  clear(): void {
    if (this.#round === ROUNDS_MAX) {
      this.#seen.fill(0)
      this.#round = 0
    }
    this.#round += 1
    this.count = 0
    this.hasEnd = false
  }

  /** Adds a step and all that it reaches through forks. */
  add(first: number): void {
    const { kinds, values, nexts } = this.#program
    const seen = this.#seen
    const round = this.#round
    const waiting = this.#waiting
    for (let step: number | undefined = first; step !== undefined; step = waiting.pop()) {
      if (seen[step] === round) continue
      seen[step] = round
      if (kinds[step] === FORK) {
        waiting.push(values[step], nexts[step])
        continue
      }
      if (kinds[step] === END) this.hasEnd = true
      this.steps[this.count] = step
      this.count += 1
    }
  }
}
