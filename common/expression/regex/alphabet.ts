// The alphabet of a program: characters that no set and no assertion distinguishes share a column of the transition table
// (equivalence classes). ASCII characters are assigned to columns at once, all others when they are first met, so that a set as large
// as all letters of Unicode costs nothing until then.

import { isWordCharacter } from './character.ts'
import type { CharSet } from './char-set.ts'
import { LINE_FEED, WORD_CHARACTER } from './neighbour.ts'
import type { Program } from './program.ts'

/** The column of all bytes from 0x80 on, for which the whole character has to be decoded. */
export const LOOK = 0

const LF = 0x0a
const PAGE = 256

export class Alphabet {
  /** The column of each byte. */
  readonly columns = new Uint8Array(256)
  /** By column: 1 for each set that contains its characters, 0 for the others. */
  readonly holds: Uint8Array[] = [new Uint8Array(0)]
  /** By column: the flags of its characters as neighbours of an assertion, as far as the program needs them. */
  readonly neighbours: number[] = [0]
  readonly #sets: readonly CharSet[]
  readonly #words: boolean
  readonly #lines: boolean
  readonly #byTraits = new Map<string, number>()
  readonly #pages: (Uint16Array | undefined)[] = []

  constructor(program: Program) {
    this.#sets = program.sets
    this.#words = program.places.some((place) => place.includes('word'))
    this.#lines = program.places.some((place) => place.startsWith('line'))
    for (let code = 0; code < 0x80; code += 1) this.columns[code] = this.#sort(code)
  }

  /** Number of columns so far. Every new character may add one. */
  get width(): number {
    return this.holds.length
  }

  /** The column of a character outside ASCII. */
  columnOf(code: number): number {
    const page = code >> 8
    const cells = (this.#pages[page] ??= new Uint16Array(PAGE))
    return (cells[code & 0xff] ||= this.#sort(code))
  }

  #sort(code: number): number {
    const holds = Uint8Array.from(this.#sets, (set) => (set.has(code) ? 1 : 0))
    const lineFeed = this.#lines && code === LF ? LINE_FEED : 0
    const word = this.#words && isWordCharacter(code) ? WORD_CHARACTER : 0
    const traits = `${holds.join('')}${lineFeed | word}`
    const known = this.#byTraits.get(traits)
    if (known !== undefined) return known
    const column = this.holds.push(holds) - 1
    this.neighbours.push(lineFeed | word)
    this.#byTraits.set(traits, column)
    return column
  }
}
