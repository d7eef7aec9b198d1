// Encodes message texts by separating what repeats from what varies: a dictionary of skeletons, and the values that fill their
// slots, column by column.
//
//   Accepted publickey for alice from 10.2.3.4 port 50221   ┐ skeleton  Accepted publickey for alice from ␀ port ␀
//   Accepted publickey for alice from 10.2.9.1 port 40007   ┘ values    10.2.3.4 10.2.9.1 │ 50221 40007
//
// `message-values.ts` defines what a value is. The values of one slot are stored together, because they resemble each other.
//
// Measured on the benchmark's corpus with blocks of 1 MiB: texts of 104 bytes take 12.2 bytes this way, and 20.4 as one stream.
// The time for splitting is won back, since zstd then has a third of the bytes to process.

import { grown } from '../../common/grown.ts'
import { ByteWriter } from './byte-writer.ts'
import { writeIds, type MessageStream } from './columns.ts'
import { GRAM_BYTES, type GramBitmap } from './grams.ts'
import { Skeletons } from './skeletons.ts'

const FIRST_ROWS = 8192
/** The first bytes of a run: the n-grams that end in them begin before the run. */
const JOIN_BYTES = GRAM_BYTES - 1

/** Splits the texts of one block after another, and reuses its memory. */
export class MessageSplitter {
  readonly #skeletons = new Skeletons()
  #ids = new Uint32Array(FIRST_ROWS)
  /** Message i has the values `[#firsts[i], #firsts[i + 1])`; value v is `[#valueEnds[v - 1], #valueEnds[v])` of `#values`. */
  #firsts = new Uint32Array(FIRST_ROWS + 1)
  #valueEnds = new Uint32Array(4 * FIRST_ROWS)
  #valueCount = 0
  readonly #values = new ByteWriter()
  readonly #ordered = new ByteWriter()
  readonly #lengths = new ByteWriter()
  #count = 0

  clear(): void {
    this.#skeletons.clear()
    this.#values.clear()
    this.#valueCount = 0
    this.#count = 0
  }

  /**
   * Adds the next message's text, and its n-grams to `grams`; `state` is the hash state before the text. If the block already has
   * the skeleton, n-grams that lie within one of its longer runs are not added again.
   */
  add(bytes: DataView, start: number, end: number, program: number, grams: GramBitmap, state: number): void {
    const skeletons = this.#skeletons
    const i = this.#count
    if (i === this.#ids.length) this.#grow()
    const before = skeletons.count
    const id = skeletons.find(bytes, start, end, program)
    this.#ids[i] = id
    this.#count = i + 1
    const { count, starts, ends } = skeletons.values
    if (this.#valueCount + count > this.#valueEnds.length) this.#growValues(count)
    const values = this.#values
    values.reserve(end - start)
    const { view } = values
    const { slots, runLengths, runStates } = skeletons
    const isNew = id === before
    const first = slots[id]
    let to = values.length
    let at = start
    for (let v = 0; v < count; v += 1) {
      if (isNew || runLengths[first + v] < JOIN_BYTES + GRAM_BYTES) state = grams.add(bytes, at, starts[v], state)
      else {
        grams.add(bytes, at, at + JOIN_BYTES, state)
        state = runStates[first + v]
      }
      state = grams.addAndCopy(bytes, starts[v], ends[v], state, view, to)
      at = ends[v]
      to += at - starts[v]
      this.#valueEnds[this.#valueCount + v] = to
    }
    grams.add(bytes, at, isNew ? end : Math.min(at + JOIN_BYTES, end), state)
    values.length = to
    this.#valueCount += count
    this.#firsts[i + 1] = this.#valueCount
  }

  #grow(): void {
    this.#ids = grown(this.#ids)
    this.#firsts = grown(this.#firsts, 2 * this.#ids.length + 1)
  }

  #growValues(count: number): void {
    this.#valueEnds = grown(this.#valueEnds, 2 * (this.#valueEnds.length + count))
  }

  /** The encoded streams; valid until `clear`. */
  finish(): Record<MessageStream, Uint8Array> {
    this.#gather()
    return {
      skeletonLengths: this.#skeletons.texts.lengths(),
      skeletonBytes: this.#skeletons.texts.values.written,
      skeletons: writeIds(this.#ids, this.#count, this.#skeletons.count),
      valueLengths: this.#lengths.written,
      valueBytes: this.#ordered.written,
    }
  }

  /** Copies the values in stored order: by skeleton, then slot, then message. */
  #gather(): void {
    const ordered = this.#ordered
    const lengths = this.#lengths
    ordered.clear()
    lengths.clear()
    const firsts = this.#firsts
    const ends = this.#valueEnds
    const { view } = this.#values
    const { order, bounds } = byNumber(this.#ids, this.#count, this.#skeletons.count)
    for (let skeleton = 0; skeleton + 1 < bounds.length; skeleton += 1) {
      const [from, to] = [bounds[skeleton], bounds[skeleton + 1]]
      const slots = firsts[order[from] + 1] - firsts[order[from]]
      for (let slot = 0; slot < slots; slot += 1) {
        for (let i = from; i < to; i += 1) {
          const value = firsts[order[i]] + slot
          const start = value === 0 ? 0 : ends[value - 1]
          lengths.varint(ends[value] - start)
          ordered.copy(view, start, ends[value])
        }
      }
    }
  }
}

/** Sorts messages by their numbers, stably (a counting sort): those with number n are `order[bounds[n]]` to `order[bounds[n + 1] - 1]`. */
export function byNumber(
  ids: Uint32Array,
  count: number,
  numbers: number,
): { order: Uint32Array; bounds: Uint32Array } {
  const bounds = new Uint32Array(numbers + 1)
  for (let i = 0; i < count; i += 1) bounds[ids[i] + 1] += 1
  for (let number = 0; number < numbers; number += 1) bounds[number + 1] += bounds[number]
  const next = bounds.slice(0, numbers)
  const order = new Uint32Array(count)
  for (let i = 0; i < count; i += 1) order[next[ids[i]]++] = i
  return { order, bounds }
}
