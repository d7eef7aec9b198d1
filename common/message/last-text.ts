// Remembers a short text of fixed length as 32-bit words, for a fast comparison with the next one.

/** The last text of `length` bytes, which is 13 to 20. */
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

  /** Whether the text at `at` equals the remembered one. The end changes most often and is compared first. */
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
