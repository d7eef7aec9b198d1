// The alphabet of a program: characters that no step and no place tells apart share a column of the transition table.
// ASCII is sorted into columns at once; any other character when it is first met, so that sets as large as all letters
// of Unicode cost nothing until then.

import { BROKEN, isWordCharacter } from './character.ts'
import type { CharSet } from './char-set.ts'
import type { Program } from './program.ts'

/** The column of every byte from 0x80 on: look at the whole character. */
export const LOOK = 0

const LF = 0x0a
const PAGE = 256

export class Alphabet {
  /** By byte. */
  readonly columns = new Uint8Array(256)
  /** By column: 1 for each set that holds its characters. */
  readonly holds: Uint8Array[] = [new Uint8Array(0)]
  /** By column: whether it is the end of a line, and whether it is of words. */
  readonly isLineFeed: boolean[] = [false]
  readonly isWord: boolean[] = [false]
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

  /** Columns so far; more may come with every new character. */
  get width(): number {
    return this.holds.length
  }

  /** The column of a character that is not ASCII. */
  columnOf(code: number): number {
    const page = code >> 8
    const cells = (this.#pages[page] ??= new Uint16Array(PAGE))
    return (cells[code & 0xff] ||= this.#sort(code))
  }

  #sort(code: number): number {
    const holds = Uint8Array.from(this.#sets, (set) => (set.has(code) ? 1 : 0))
    const lineFeed = this.#lines && code === LF
    const word = this.#words && code !== BROKEN && isWordCharacter(code)
    const traits = `${holds.join('')}${lineFeed ? 'n' : ''}${word ? 'w' : ''}`
    const known = this.#byTraits.get(traits)
    if (known !== undefined) return known
    const column = this.holds.push(holds) - 1
    this.isLineFeed.push(lineFeed)
    this.isWord.push(word)
    this.#byTraits.set(traits, column)
    return column
  }
}
