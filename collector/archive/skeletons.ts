// The distinct skeletons of a block: message texts with 0x00 in place of each value, numbered in order of first appearance.
//
//   Accepted publickey for alice from ␀ port ␀       two slots; runs of 34, 6 and 0 bytes
//
// Finding a text's values is expensive, so its skeleton is guessed first: it is that of the last text with the same beginning,
// up to the first value. If the guess fits, run by run, the values are what is in its slots. On the benchmark's corpus it fits
// four texts out of five, and two thirds of the others have a skeleton that is new to their block. Finding the values first
// takes 210 ns per text, and the skeleton still has to be compared afterwards.

import { grown } from '../../common/grown.ts'
import { sameBytes } from './byte-ranges.ts'
import { Dictionary } from './dictionary.ts'
import { GRAM_BYTES, stateAfter } from './grams.ts'
import { ValueFinder, valueEnd } from './message-values.ts'

/** The byte in a skeleton that stands for a value. */
export const SLOT = 0

const FIRST_SLOTS = 4096
const GUESS_BITS = 12

export class Skeletons {
  /** All skeletons, with 0x00 for each slot. */
  readonly texts = new Dictionary()
  /** The values of the last text that `find` was called with. */
  readonly values = new ValueFinder()
  /** Skeleton s has the slots `[slots[s], slots[s + 1])`. */
  slots: Uint32Array = new Uint32Array(FIRST_SLOTS)
  /** For each slot the length of the run before it, and the n-gram hash state after that run; valid if the run has 6 bytes or more. */
  runLengths: Uint32Array = new Uint32Array(FIRST_SLOTS)
  runStates: Int32Array = new Int32Array(FIRST_SLOTS)
  /** By hash of a text's beginning: the number + 1 of the last skeleton that such a text had, or 0. */
  readonly #guesses = new Uint32Array(1 << GUESS_BITS)

  get count(): number {
    return this.texts.count
  }

  clear(): void {
    this.texts.clear()
    this.#guesses.fill(0)
  }

  /**
   * The number of a text's skeleton, which is added if it is new; sets `values`. `program` is part of the guess for texts that have
   * little before their first value.
   */
  find(bytes: DataView, start: number, end: number, program: number): number {
    const guess = this.values.beginning(bytes, start, end, program) >>> (32 - GUESS_BITS)
    const guessed = this.#guesses[guess] - 1
    if (guessed >= 0 && this.#fits(guessed, bytes, start, end)) return guessed
    const { texts, values } = this
    values.find(bytes, start, end)
    let id = texts.first(values.hash)
    while (id >= 0 && !this.#hasRuns(id, bytes, start, end)) id = texts.next(values.hash)
    if (id < 0) id = this.#add(bytes, start, end)
    this.#guesses[guess] = id + 1
    return id
  }

  /** Whether the text consists of the skeleton's runs with a value in each slot; sets `values`. */
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

  /** Whether the runs between the values that `ValueFinder.find` found are those of the skeleton. */
  #hasRuns(id: number, bytes: DataView, start: number, end: number): boolean {
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
      this.runStates[slot] = stateAfter(bytes, Math.max(at, starts[v] - GRAM_BYTES), starts[v])
      at = ends[v]
    }
    texts.values.copy(bytes, at, end)
    this.slots[texts.count + 1] = slot
    return texts.add(hash)
  }

  #reserve(slots: number): void {
    if (this.texts.count + 1 === this.slots.length) this.slots = grown(this.slots)
    if (slots <= this.runLengths.length) return
    this.runLengths = grown(this.runLengths, 2 * slots)
    this.runStates = grown(this.runStates, 2 * slots)
  }
}
