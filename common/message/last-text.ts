// A short text of fixed length, remembered as words, to see at once whether the next one is the same.

/** The last text of `length` bytes, 13 to 20. */
export class LastText {
  readonly #fourth: number
  readonly #fifth: number
  #word0 = 0
  #word4 = 0
  #word8 = 0
  #wordFourth = 0
  #wordFifth = 0

  constructor(length: number) {
    this.#fourth = Math.min(12, length - 4)
    this.#fifth = length - 4
  }

  /** Whether the text at `at` is the one kept. What changes most often stands last and is compared first. */
  is(view: DataView, at: number): boolean {
    return (
      view.getInt32(at + this.#fifth, true) === this.#wordFifth &&
      view.getInt32(at + this.#fourth, true) === this.#wordFourth &&
      view.getInt32(at + 8, true) === this.#word8 &&
      view.getInt32(at + 4, true) === this.#word4 &&
      view.getInt32(at, true) === this.#word0
    )
  }

  keep(view: DataView, at: number): void {
    this.#word0 = view.getInt32(at, true)
    this.#word4 = view.getInt32(at + 4, true)
    this.#word8 = view.getInt32(at + 8, true)
    this.#wordFourth = view.getInt32(at + this.#fourth, true)
    this.#wordFifth = view.getInt32(at + this.#fifth, true)
  }
}
