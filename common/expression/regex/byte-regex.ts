// Regular expressions over bytes, for the filters of routes and for grep. Matching takes time in proportion to the length of the
// text, whatever the pattern (no ReDoS), and allocates nothing per message.
//
//   pattern ─▶ tree ─▶ program (NFA) ─▶ lazy DFA      the tree also gives the literals that every match contains
//
// A text is one message, which may have several lines: `^` and `$` match at the start and end of each, and neither `.` nor a
// negated set matches a line feed, so that a search finds what `grep` finds in the same lines.

import { grown } from '../../grown.ts'
import { characterAt, characterBefore, isWordCharacter } from './character.ts'
import { one } from './char-set.ts'
import { Finder } from './finder.ts'
import { LazyDfa } from './lazy-dfa.ts'
import { literalsOf, type Ways } from './literals.ts'
import { parseExtended } from './parse-extended.ts'
import { nonEmpty, programOf } from './program.ts'
import type { Node } from './syntax.ts'

export interface RegexOptions {
  /** `ere` (default): the syntax of GNU `grep -E`. `fixed`: literal text, as with `grep -F`. */
  readonly syntax?: 'ere' | 'fixed'
  readonly ignoreCase?: boolean
  /** As `grep -w`: a match must not be part of a longer word. */
  readonly wholeWord?: boolean
  /** As `grep -x`: a match must be a whole line. */
  readonly wholeLine?: boolean
  /** `\d` matches a digit and `\D` anything else. In grep, `\d` is a `d`. */
  readonly digits?: boolean
}

/**
 * Compiles one pattern, or several of which any may match. A line feed in a pattern separates two, as in grep. An empty pattern matches
 * everything, an empty list nothing. Throws `PATTERN_SYNTAX`.
 */
export function compileRegex(patterns: string | readonly string[], options: RegexOptions = {}): ByteRegex {
  const { syntax = 'ere', ignoreCase = false, digits = false } = options
  const list = (typeof patterns === 'string' ? [patterns] : patterns).flatMap((pattern) => pattern.split('\n'))
  const read = syntax === 'fixed' ? parseFixed : (text: string) => parseExtended(text, { ignoreCase, digits })
  const trees = list.map((text) => read(text, ignoreCase))
  const tree: Node = trees.length === 1 ? trees[0] : { kind: 'choice', options: trees }
  return new ByteRegex(tree, options)
}

function parseFixed(pattern: string, ignoreCase: boolean): Node {
  const parts = Array.from(pattern, (text): Node => ({ kind: 'set', set: one(text.codePointAt(0)!, ignoreCase) }))
  return { kind: 'sequence', parts }
}

/** Shorter literals are found too often for searching for them first to pay. */
const LOOKED_FOR_BYTES_MIN = 3

export class ByteRegex {
  /**
   * For each alternative ("way"), literals that a text must all contain to match; `[[]]` if there are no such literals. With
   * `ignoreCase` they are ASCII in lower case, to be compared without regard to the case of ASCII letters.
   */
  readonly literals: Ways
  readonly ignoreCase: boolean
  /** A literal that every match contains and that is long enough to search for first; undefined if there is none. */
  readonly needle: Buffer | undefined
  /** The bounds of the match that `find` found last. */
  matchStart = 0
  matchEnd = 0
  /** The bounds of the matches that `findAll` found. */
  matches: Uint32Array<ArrayBuffer> = new Uint32Array(64)
  readonly #tree: Node
  readonly #any: LazyDfa
  readonly #emptyWords: EmptyWords | undefined
  readonly #needleIsAll: boolean
  #finder: Finder | undefined

  /** Use `compileRegex`. */
  constructor(tree: Node, options: RegexOptions) {
    this.ignoreCase = options.ignoreCase ?? false
    this.#tree = framed(tree, options)
    const program = programOf(this.#tree, false)
    this.#emptyWords = options.wholeWord && !options.wholeLine && mayBeEmpty(tree) ? new EmptyWords(tree) : undefined
    this.#any = new LazyDfa(this.#emptyWords ? nonEmpty(program) : program, true, true)
    this.literals = literalsOf(tree, this.ignoreCase)
    const needle = this.ignoreCase ? undefined : longestOfOnlyWay(this.literals)
    this.needle = needle && needle.length >= LOOKED_FOR_BYTES_MIN ? needle : undefined
    this.#needleIsAll = isPlainText(this.#tree)
  }

  /** Whether `text[start, end)`, a whole message, contains a match. */
  test(text: Buffer, start: number = 0, end: number = text.length): boolean {
    // Buffer.indexOf has no end argument, so it is used only if the message ends with the buffer.
    if (this.needle && end === text.length) {
      const at = text.indexOf(this.needle, start)
      if (at < 0) return false
      if (this.#needleIsAll) return true
    }
    return this.#matches(text, start, end)
  }

  #matches(text: Buffer, start: number, end: number): boolean {
    return (
      this.#any.test(text, start, end) || (this.#emptyWords !== undefined && this.#emptyWords.test(text, start, end))
    )
  }

  /**
   * Tests many messages: into[i] becomes 1 if message i, `[bounds[2i], bounds[2i+1])` of `text`, contains a match, else 0. Bounds
   * ascend. The needle is searched for in the whole text at once, at several GB/s, and only messages that contain it are tested.
   */
  testEach(text: Buffer, bounds: Uint32Array, count: number, into: Uint8Array): void {
    const { needle } = this
    if (!needle || count === 0) {
      for (let i = 0; i < count; i += 1) into[i] = this.#matches(text, bounds[2 * i], bounds[2 * i + 1]) ? 1 : 0
      return
    }
    into.fill(0, 0, count)
    const bytes = text.length === bounds[2 * count - 1] ? text : text.subarray(0, bounds[2 * count - 1])
    let at = bounds[0]
    for (let i = 0; i < count; i += 1) {
      const hit = bytes.indexOf(needle, at)
      if (hit < 0) return
      i = messageAt(bounds, i, count, hit)
      const start = bounds[2 * i]
      const end = bounds[2 * i + 1]
      at = end
      if (hit < start || hit + needle.length > end) {
        // The hit begins between two messages, or extends beyond this one, which may contain another one further on.
        at = hit + 1
        if (at < end) i -= 1
      } else if (this.#needleIsAll || this.#matches(text, start, end)) into[i] = 1
    }
  }

  /**
   * Finds the leftmost-longest match (POSIX) in `text[start, end)`, a whole message, and sets `matchStart` and `matchEnd` to its bounds.
   * The match may be empty.
   */
  find(text: Buffer, start: number = 0, end: number = text.length): boolean {
    const finder = (this.#finder ??= new Finder(this.#tree))
    const starts = finder.look(text, start, end)
    if (starts === 0) return false
    this.matchStart = finder.starts[starts - 1]
    this.matchEnd = finder.endOf(text, start, end, starts - 1)
    return true
  }

  /**
   * Finds all matches that are not empty and do not overlap, as `grep -o` prints them. Returns their number; match i is
   * `[matches[2i], matches[2i+1])`.
   */
  findAll(text: Buffer, start: number = 0, end: number = text.length): number {
    const finder = (this.#finder ??= new Finder(this.#tree))
    let count = 0
    let from = start
    for (let i = finder.look(text, start, end) - 1; i >= 0; i -= 1) {
      const at = finder.starts[i]
      if (at < from) continue
      const to = finder.endOf(text, start, end, i)
      if (to === at) continue
      if (2 * count + 2 > this.matches.length) this.matches = grown(this.matches)
      this.matches[2 * count] = at
      this.matches[2 * count + 1] = to
      count += 1
      from = to
    }
    return count
  }
}

/** The message, from message i on, that contains byte `at`; if that is between two messages, the one before it, or i if it is before i. */
function messageAt(bounds: Uint32Array, i: number, count: number, at: number): number {
  let low = i
  let high = count - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (bounds[2 * middle] <= at) low = middle
    else high = middle - 1
  }
  return low
}

/** The pattern with the assertions that -w and -x put around it. */
function framed(tree: Node, { wholeWord, wholeLine }: RegexOptions): Node {
  if (wholeLine) {
    return {
      kind: 'sequence',
      parts: [{ kind: 'place', place: 'line-start' }, tree, { kind: 'place', place: 'line-end' }],
    }
  }
  if (!wholeWord) return tree
  return {
    kind: 'sequence',
    parts: [{ kind: 'place', place: 'no-word-before' }, tree, { kind: 'place', place: 'no-word-after' }],
  }
}

/** Whether the tree is a literal text, so that finding the text is a match. */
function isPlainText(tree: Node): boolean {
  if (tree.kind === 'sequence') return tree.parts.every(isPlainText)
  return tree.kind === 'set' && tree.set.only !== undefined
}

function longestOfOnlyWay(ways: Ways): Buffer | undefined {
  if (ways.length !== 1) return undefined
  let longest: Buffer | undefined
  for (const literal of ways[0]) {
    const bytes = Buffer.from(literal)
    if (!longest || bytes.length > longest.length) longest = bytes
  }
  return longest
}

/** Whether the tree can match the empty string. */
function mayBeEmpty(tree: Node): boolean {
  switch (tree.kind) {
    case 'set':
      return false
    case 'sequence':
      return tree.parts.every(mayBeEmpty)
    case 'choice':
      return tree.options.some(mayBeEmpty)
    case 'repeat':
      return tree.min === 0 || mayBeEmpty(tree.part)
    default:
      return true
  }
}

/**
 * Empty matches with `wholeWord`. grep -w accepts an empty match between two characters that are no word characters, but only if no
 * longer match begins there: it tries the longest match first, then shorter ones down to one character, and then the next place.
 */
class EmptyWords {
  readonly #finder: Finder

  constructor(tree: Node) {
    this.#finder = new Finder(tree)
  }

  test(text: Buffer, start: number, end: number): boolean {
    const finder = this.#finder
    for (let i = finder.look(text, start, end) - 1; i >= 0; i -= 1) {
      const at = finder.starts[i]
      if (at > start && isWordCharacter(characterBefore(text, at, start) >> 3)) continue
      if (at < end && isWordCharacter(characterAt(text, at, end) >> 3)) continue
      if (finder.endOf(text, start, end, i) === at) return true
    }
    return false
  }
}
