// What rules a block out for a literal: a bitmap of the hashed n-grams of all match lines (`host program[pid]: message`),
// with ASCII letters in lower case. A literal stands in no line of the block unless the bits of all its n-grams are set.
//
// The hash rolls by shifting: each step moves what came before up by six bits and adds a random number for the byte,
//
//   h = h << 6 + gear[byte]
//
// so that after six steps a byte has left the 32 bits: h depends on the last six bytes and nothing else, and costs two
// operations a byte. Its upper 18 bits are the position.
//
// Six bytes, not three or four: numbers, addresses and ids are most of what differs between messages, and a block of
// 7,000 messages has nearly all short runs of digits. The bitmap is folded in half (upper half OR lower half) for as long as it
// stays sparse, so that blocks of few messages or of much repetition have small ones.

export const GRAM_BYTES = 6
const SHIFT = 6
const ZERO = 0x30
const POSITION_BITS = 18
const POSITION_SHIFT = 32 - POSITION_BITS
const WORDS = 1 << (POSITION_BITS - 5)
/** A bitmap has so many bytes, or a power of two of them. */
export const BITMAP_BYTES_MIN = 32
const WORDS_MIN = BITMAP_BYTES_MIN / 4
const WORDS_FIRST_MIN = 256

// Folding ORs two halves of density d into d(2 - d).
const DENSITY_MAX = 0.5

// Part of the format: a linear congruential sequence (Numerical Recipes' constants) scrambled by multiplication.
const gear = new Int32Array(256)
for (let byte = 0, state = 1; byte < 256; byte += 1) {
  state = (Math.imul(state, 1664525) + 1013904223) | 0
  gear[byte] = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d)
}
for (let byte = 0x41; byte <= 0x5a; byte += 1) gear[byte] = gear[byte + 32]

export class GramBitmap {
  readonly #words = new Int32Array(WORDS)
  /** So many of them are in use. */
  #used = WORDS

  /** Empties it; for about so many bytes to come. A small one is what a large one would be folded to. */
  clear(bytes: number): void {
    this.#words.fill(0, 0, this.#used)
    let used = WORDS
    while (used > WORDS_FIRST_MIN && used * 32 >= 4 * bytes) used /= 2
    this.#used = used
  }

  /** Adds what ends within `[start, end)`, coming from `state` (0 at a line's start); returns the state behind it. */
  add(bytes: DataView, start: number, end: number, state: number): number {
    const words = this.#words
    const last = this.#used - 1
    let h = state
    for (let i = start; i < end; i += 1) {
      h = ((h << SHIFT) + gear[bytes.getUint8(i)]) | 0
      const position = h >>> POSITION_SHIFT
      words[(position >>> 5) & last] |= 1 << position
    }
    return h
  }

  /** Adds one byte. */
  addByte(byte: number, state: number): number {
    const h = ((state << SHIFT) + gear[byte]) | 0
    const position = h >>> POSITION_SHIFT
    this.#words[(position >>> 5) & (this.#used - 1)] |= 1 << position
    return h
  }

  /** Adds a whole number, at least 0 and below 2^31, in decimal. */
  addDecimal(value: number, state: number): number {
    let scale = 1
    while (value >= 10 * scale) scale *= 10
    for (; scale >= 1; scale = (scale / 10) | 0) {
      const digit = (value / scale) | 0
      value -= digit * scale
      state = this.addByte(ZERO + digit, state)
    }
    return state
  }

  /** As `add`, and copies the bytes on the way. */
  addAndCopy(bytes: DataView, start: number, end: number, state: number, into: DataView, at: number): number {
    const words = this.#words
    const last = this.#used - 1
    let h = state
    for (let i = start; i < end; i += 1, at += 1) {
      const byte = bytes.getUint8(i)
      into.setUint8(at, byte)
      h = ((h << SHIFT) + gear[byte]) | 0
      const position = h >>> POSITION_SHIFT
      words[(position >>> 5) & last] |= 1 << position
    }
    return h
  }

  /** The bitmap, folded while it is sparse; a copy. */
  folded(): Buffer {
    let words = this.#words.slice(0, this.#used)
    let set = populationCount(words)
    while (words.length > WORDS_MIN && set <= DENSITY_MAX * 0.6 * 32 * words.length) {
      const half = words.length / 2
      const folded = words.slice(0, half)
      for (let i = 0; i < half; i += 1) folded[i] |= words[half + i]
      const after = populationCount(folded)
      if (after > DENSITY_MAX * 32 * half) break
      words = folded
      set = after
    }
    return Buffer.from(words.buffer, words.byteOffset, words.byteLength)
  }
}

/** The state behind `[start, end)`, whatever stands before it if these are `GRAM_BYTES` or more. */
export function stateBehind(bytes: DataView, start: number, end: number): number {
  let h = 0
  for (let i = start; i < end; i += 1) h = ((h << SHIFT) + gear[bytes.getUint8(i)]) | 0
  return h
}

function populationCount(words: Int32Array): number {
  let count = 0
  for (let i = 0; i < words.length; i += 1) {
    let word = words[i]
    word -= (word >>> 1) & 0x55555555
    word = (word & 0x33333333) + ((word >>> 2) & 0x33333333)
    count += Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
  }
  return count
}

/**
 * Whether a block with this bitmap may have the literal in a line. True for literals shorter than an n-gram, and for an empty
 * bitmap: nothing is known of the block. Without case, bytes that are not ASCII match anything: their other case is other bytes.
 */
export function mayContain(bitmap: Uint8Array, literal: Uint8Array, ignoreCase: boolean): boolean {
  if (bitmap.length === 0) return true
  const mask = bitmap.length * 8 - 1
  let h = 0
  let known = 0
  for (let i = 0; i < literal.length; i += 1) {
    known = ignoreCase && literal[i] >= 0x80 ? 0 : known + 1
    h = ((h << SHIFT) + gear[literal[i]]) | 0
    if (known < GRAM_BYTES) continue
    const position = (h >>> POSITION_SHIFT) & mask
    if ((bitmap[position >>> 3] & (1 << (position & 7))) === 0) return false
  }
  return true
}
