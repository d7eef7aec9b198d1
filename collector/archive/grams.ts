// The index of a block, which rules it out for a literal: a bitmap of the hashed n-grams (6 bytes) of all its match lines (`host
// program[pid]: message`), with ASCII letters in lower case. If the bit of any n-gram of a literal is not set, the literal
// occurs in no line of the block.
//
// The hash is a rolling one. Each step shifts the state up by six bits and adds a random number for the byte:
//
//   h = (h << 6) + gear[byte]
//
// After six steps a byte has been shifted out of the 32 bits, so h depends on the last six bytes only, and costs two operations
// per byte. The upper 18 bits of h are the position in the bitmap.
//
// Why six bytes and not three or four: messages differ mostly in numbers, addresses and ids, and a block of 7,000 messages has
// nearly all short runs of digits. The bitmap is folded in half (upper half OR lower half) for as long as it stays sparse, so
// that blocks with few messages or much repetition have a small one.

export const GRAM_BYTES = 6
const SHIFT = 6
const ZERO = 0x30
const POSITION_BITS = 18
const POSITION_SHIFT = 32 - POSITION_BITS
const WORDS = 1 << (POSITION_BITS - 5)
/** The smallest size of a bitmap in bytes; every size is a power of two. */
export const BITMAP_BYTES_MIN = 32
const WORDS_MIN = BITMAP_BYTES_MIN / 4
const WORDS_FIRST_MIN = 256

// A bitmap is not folded if more than this share of its bits would be set. Folding turns two halves of density d into d(2 - d).
const DENSITY_MAX = 0.5

// Part of the file format: a linear congruential sequence (constants of Numerical Recipes), scrambled by a multiplication.
const gear = new Int32Array(256)
for (let byte = 0, state = 1; byte < 256; byte += 1) {
  state = (Math.imul(state, 1664525) + 1013904223) | 0
  gear[byte] = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d)
}
for (let byte = 0x41; byte <= 0x5a; byte += 1) gear[byte] = gear[byte + 32]

export class GramBitmap {
  readonly #words = new Int32Array(WORDS)
  /** Number of words in use: a power of two. */
  #used = WORDS

  /** Clears the bitmap and sizes it for about `bytes` of text. A smaller one equals what a larger one would be folded to. */
  clear(bytes: number): void {
    this.#words.fill(0, 0, this.#used)
    let used = WORDS
    while (used > WORDS_FIRST_MIN && used * 32 >= 4 * bytes) used /= 2
    this.#used = used
  }

  /** Adds the n-grams that end within `[start, end)`. `state` is the hash state before it, 0 at a line's start; returns that after it. */
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

  /** `add` for one byte. */
  addByte(byte: number, state: number): number {
    const h = ((state << SHIFT) + gear[byte]) | 0
    const position = h >>> POSITION_SHIFT
    this.#words[(position >>> 5) & (this.#used - 1)] |= 1 << position
    return h
  }

  /** `add` for the decimal digits of an integer from 0 to 2^31 - 1. */
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

  /** `add` that also copies the bytes to `into`, at `at`. */
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

  /** A copy of the bitmap, folded for as long as it is sparse. */
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

/** The hash state after `[start, end)`. If that is `GRAM_BYTES` or more, the state does not depend on the bytes before it. */
export function stateAfter(bytes: DataView, start: number, end: number): number {
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
 * Whether the literal may occur in a line of a block with this bitmap; false is certain. True for literals shorter than an n-gram, and
 * for an empty bitmap, which a block without an index has. If case is ignored, n-grams with bytes that are not ASCII are not looked up:
 * the other case of such a character is other bytes.
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
