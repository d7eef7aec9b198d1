// The distinct skeletons of a block: message texts with 0x00 in place of each value, numbered as they first appear.
//
//   Accepted publickey for alice from ␀ port ␀       two slots; runs of 34, 6 and 0 bytes
//
// A text is seldom taken apart to find its skeleton. Its first bytes, up to the first value, lead to the skeleton of the last
// text that began so; where that fits, run by run, the values are what stands in its slots. On the benchmark's corpus it fits
// four texts of five (of the others two thirds are new to their block); finding the values first takes 210 ns a text, and then
// the skeleton has to be compared all the same.

import { sameBytes } from './byte-ranges.ts'
import { Dictionary, grown } from './dictionary.ts'
import { GRAM_BYTES, stateBehind } from './grams.ts'
import { ValueFinder, valueEnd } from './message-values.ts'

/** Stands in a skeleton for a value. */
export const SLOT = 0

const FIRST_SLOTS = 4096
const GUESS_BITS = 12

export class Skeletons {
  /** All of them, one behind another, 0x00 for each slot. */
  readonly texts = new Dictionary()
  /** The values of the text that was looked for last. */
  readonly values = new ValueFinder()
  /** Skeleton s has the slots `[slots[s], slots[s + 1])`. */
  slots: Uint32Array = new Uint32Array(FIRST_SLOTS)
  /** For each slot the length of the run before it, and the state of the n-gram hash behind that run, if it is long enough. */
  runLengths: Uint32Array = new Uint32Array(FIRST_SLOTS)
  runStates: Int32Array = new Int32Array(FIRST_SLOTS)
  /** Number + 1 of the last skeleton whose texts began so. */
  readonly #guesses = new Uint32Array(1 << GUESS_BITS)

  get count(): number {
    return this.texts.count
  }

  clear(): void {
    this.texts.clear()
    this.#guesses.fill(0)
  }

  /** The number of a text's skeleton; `values` are its values. `program` tells apart what begins with a value. */
  find(bytes: DataView, start: number, end: number, program: number): number {
    const guess = this.values.beginning(bytes, start, end, program) >>> (32 - GUESS_BITS)
    const guessed = this.#guesses[guess] - 1
    if (guessed >= 0 && this.#fits(guessed, bytes, start, end)) return guessed
    const { texts, values } = this
    values.find(bytes, start, end)
    let id = texts.first(values.hash)
    while (id >= 0 && !this.#isOf(id, bytes, start, end)) id = texts.next(values.hash)
    if (id < 0) id = this.#add(bytes, start, end)
    this.#guesses[guess] = id + 1
    return id
  }

  /** Whether the text has the runs of that skeleton, and values between them: which are then in `values`. */
  #fits(id: number, bytes: DataView, start: number, end: number): boolean {
    const { texts, values, runLengths } = this
    const { view } = texts.values
    const first = this.slots[id]
    const last = this.slots[id + 1]
    let known = texts.startOf(id)
    let at = start
    for (let slot = first; slot < last; slot += 1) {
      const length = runLengths[slot]
      if (at + length >= end || !sameBytes(bytes, at, view, known, length)) return false
      known += length + 1
      at += length
      const to = valueEnd(bytes, at, end)
      if (to < 0) return false
      values.starts[slot - first] = at
      values.ends[slot - first] = to
      at = to
    }
    values.count = last - first
    return texts.ends[id] - known === end - at && sameBytes(bytes, at, view, known, end - at)
  }

  /** Whether the text, whose values have been found, is of that skeleton. */
  #isOf(id: number, bytes: DataView, start: number, end: number): boolean {
    const { texts, runLengths } = this
    const { starts, ends, count } = this.values
    const { view } = texts.values
    const first = this.slots[id]
    if (this.slots[id + 1] - first !== count) return false
    let known = texts.startOf(id)
    let at = start
    for (let v = 0; v < count; v += 1) {
      const length = starts[v] - at
      if (runLengths[first + v] !== length || !sameBytes(bytes, at, view, known, length)) return false
      known += length + 1
      at = ends[v]
    }
    return texts.ends[id] - known === end - at && sameBytes(bytes, at, view, known, end - at)
  }

  #add(bytes: DataView, start: number, end: number): number {
    const { texts } = this
    const { hash, starts, ends, count } = this.values
    let slot = this.slots[texts.count]
    this.#reserve(slot + count)
    let at = start
    for (let v = 0; v < count; v += 1, slot += 1) {
      texts.values.copy(bytes, at, starts[v])
      texts.values.byte(SLOT)
      this.runLengths[slot] = starts[v] - at
      this.runStates[slot] = stateBehind(bytes, Math.max(at, starts[v] - GRAM_BYTES), starts[v])
      at = ends[v]
    }
    texts.values.copy(bytes, at, end)
    this.slots[texts.count + 1] = slot
    return texts.add(hash)
  }

  #reserve(slots: number): void {
    if (this.texts.count + 1 === this.slots.length)
      this.slots = grown(this.slots, new Uint32Array(2 * this.slots.length))
    if (slots <= this.runLengths.length) return
    this.runLengths = grown(this.runLengths, new Uint32Array(2 * slots))
    this.runStates = grown(this.runStates, new Int32Array(2 * slots))
  }
}
