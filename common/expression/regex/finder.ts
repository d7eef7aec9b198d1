// Finds the bounds of matches: needed to print, colour or mask them, not to know whether there is one.
//
// One pass backwards gives the places at which matches begin, and from each one that is wanted a look forwards gives the end of the longest
// match. Most looks stop one character after that end. But with `a|a[^b]*b` every `a` of a text without `b` is a match, and is followed by a
// look at all the rest for a longer one: the square of the text in all. When that has cost several times the text, another
// pass backwards gives the ends of all other matches (`longest-ends.ts`).

import { grown } from '../../grown.ts'
import { LazyDfa } from './lazy-dfa.ts'
import { LongestEnds } from './longest-ends.ts'
import { programOf } from './program.ts'
import type { Node } from './syntax.ts'

/** How many times the text all looks together may read: about as long as the other pass takes. */
const LOOKS_MAX = 8

export class Finder {
  readonly #tree: Node
  readonly #found = { starts: new Uint32Array(64) }
  readonly #backwards: LazyDfa
  readonly #longest: LazyDfa
  #longestEnds: LongestEnds | undefined
  #ends = new Uint32Array(64)
  #endsKnown = false
  #lookedBytes = 0

  constructor(tree: Node) {
    this.#tree = tree
    this.#backwards = new LazyDfa(programOf(tree, true), true, false)
    this.#longest = new LazyDfa(programOf(tree, false), false, false)
  }

  /** Where matches begin, in descending order. Valid after `look`, which returns their number. */
  get starts(): Uint32Array {
    return this.#found.starts
  }

  /** Looks for matches in `text[start, end)`, a whole message. */
  look(text: Uint8Array, start: number, end: number): number {
    this.#lookedBytes = 0
    this.#endsKnown = false
    return this.#backwards.startsOf(text, start, end, this.#found)
  }

  /** Where the longest match that begins at `starts[i]` ends, in the text of `look`. To be asked for in ascending order of the starts. */
  endOf(text: Uint8Array, start: number, end: number, i: number): number {
    if (this.#endsKnown) return this.#ends[i]
    const longest = this.#longest.longestFrom(text, start, end, this.starts[i])
    this.#lookedBytes += this.#longest.readTo - this.starts[i]
    if (this.#lookedBytes > LOOKS_MAX * (end - start)) {
      // Those of `starts[i]` and of all after it, which have the lower numbers.
      while (this.#ends.length <= i) this.#ends = grown(this.#ends)
      this.#longestEnds ??= new LongestEnds(programOf(this.#tree, true))
      this.#longestEnds.find(text, start, end, i + 1, this.#ends)
      this.#endsKnown = true
    }
    return longest
  }
}
