// Parses extended regular expressions like GNU grep -E: POSIX.1-2017 XBD 9.4, and the behaviour of grep where POSIX leaves it
// undefined.
//
//   `*`, `+`, `?`, `{1}` with nothing before them are ignored
//   `{` that does not open an interval (`{`, `{a`, `{1`) is literal, and so are the braces of `{}` and `{{}}` with nothing before them
//   `)` that closes nothing is literal
//   a backslash before a character without a special meaning is ignored
//   branches may be empty
//
// Faults have the texts of grep, followed by the place in the pattern.

import { Fault } from '../../fault.ts'
import { REGEX_DEPTH_MAX, REGEX_REPEAT_MAX } from '../../limits.ts'
import { anyCharacter, asciiDigit, not, one, white, wordCharacter, type CharSet } from './char-set.ts'
import { readBracket } from './parse-bracket.ts'
import { EMPTY, type Node, type Place } from './syntax.ts'

export interface ExtendedOptions {
  readonly ignoreCase: boolean
  /** Whether `\d` matches a digit and `\D` anything else. In grep, `\d` is a `d`. */
  readonly digits: boolean
}

/** Parses one pattern. Throws `PATTERN_SYNTAX`. */
export function parseExtended(pattern: string, options: ExtendedOptions): Node {
  return new ExtendedReader(pattern, options).read()
}

const places: Record<string, Place> = {
  '<': 'word-start',
  '>': 'word-end',
  b: 'word-edge',
  B: 'no-word-edge',
  '`': 'text-start',
  "'": 'text-end',
}

const escapedSets: Record<string, CharSet> = {
  w: wordCharacter,
  W: not(wordCharacter),
  s: white,
  S: not(white),
}

const digitSets: Record<string, CharSet> = { d: asciiDigit, D: not(asciiDigit) }

class ExtendedReader {
  readonly #pattern: string
  readonly #options: ExtendedOptions
  #at = 0
  #depth = 0
  #groups = 0

  constructor(pattern: string, options: ExtendedOptions) {
    this.#pattern = pattern
    this.#options = options
  }

  read(): Node {
    return this.#choice()
  }

  #choice(): Node {
    const options = [this.#sequence()]
    while (this.#pattern[this.#at] === '|') {
      this.#at += 1
      options.push(this.#sequence())
    }
    return options.length === 1 ? options[0] : { kind: 'choice', options }
  }

  #sequence(): Node {
    const parts: Node[] = []
    let alone = true // nothing or a `^` comes before, so there is nothing to repeat
    while (this.#at < this.#pattern.length) {
      const next = this.#pattern[this.#at]
      if (next === '|' || (next === ')' && this.#depth > 0)) break
      if (alone && (next === '*' || next === '+' || next === '?')) {
        this.#at += 1
        continue
      }
      if (alone && next === '{') {
        const open = /^\{+(?=\})/.exec(this.#pattern.slice(this.#at))?.[0].length ?? 0
        for (let i = 0; i < open; i += 1) parts.push(this.#atom())
        alone = open === 0
        if (!alone || this.#interval()) continue
      }
      const atom = this.#atom()
      alone = next === '^'
      parts.push(alone ? atom : this.#repeated(atom))
    }
    return parts.length === 1 ? parts[0] : parts.length === 0 ? EMPTY : { kind: 'sequence', parts }
  }

  #repeated(first: Node): Node {
    let node = first
    for (let stacked = 0; ; stacked += 1) {
      if (stacked > REGEX_DEPTH_MAX) throw this.#fault(`Regular expression too big: ${stacked} quantifiers in a row`)
      const next = this.#pattern[this.#at]
      if (next === '*') node = { kind: 'repeat', part: node, min: 0, max: Infinity }
      else if (next === '+') node = { kind: 'repeat', part: node, min: 1, max: Infinity }
      else if (next === '?') node = { kind: 'repeat', part: node, min: 0, max: 1 }
      else {
        const interval = next === '{' ? this.#interval() : undefined
        if (!interval) return node
        node = { kind: 'repeat', part: node, ...interval }
        continue
      }
      this.#at += 1
    }
  }

  /** Reads `{n}`, `{n,}`, `{,m}` or `{n,m}`. Reads nothing and returns undefined if there is no interval. */
  #interval(): { min: number; max: number } | undefined {
    const shape = /^\{(\d*)(,?)(\d*)\}/.exec(this.#pattern.slice(this.#at))
    if (!shape) return undefined
    const [whole, from = '', comma, to = ''] = shape
    if (from === '' && comma === '') throw this.#fault('Invalid content of \\{\\}')
    const min = from === '' ? 0 : Number(from)
    const max = comma === '' ? min : to === '' ? Infinity : Number(to)
    if (max < min) throw this.#fault('Invalid content of \\{\\}')
    if (min > REGEX_REPEAT_MAX || (max !== Infinity && max > REGEX_REPEAT_MAX)) {
      throw this.#fault(`Regular expression too big: repeats go up to ${REGEX_REPEAT_MAX}`)
    }
    this.#at += whole.length
    return { min, max }
  }

  #atom(): Node {
    const at = this.#at
    const code = this.#pattern.codePointAt(at)!
    const text = String.fromCodePoint(code)
    this.#at += text.length
    if (text === '(') return this.#group(at)
    if (text === '[') return this.#bracket(at)
    if (text === '.') return { kind: 'set', set: anyCharacter }
    if (text === '^') return { kind: 'place', place: 'line-start' }
    if (text === '$') return { kind: 'place', place: 'line-end' }
    if (text === '\\') return this.#escape(at)
    return this.#character(code)
  }

  #group(open: number): Node {
    this.#depth += 1
    this.#groups += 1
    if (this.#depth > REGEX_DEPTH_MAX) throw this.#fault(`Regular expression too big: ${this.#depth} open groups`, open)
    const inner = this.#choice()
    if (this.#pattern[this.#at] !== ')') throw this.#fault('Unmatched ( or \\(', open)
    this.#at += 1
    this.#depth -= 1
    return inner
  }

  #bracket(open: number): Node {
    const { set, end } = readBracket(this.#pattern, open, this.#options.ignoreCase, (text, at) => this.#fault(text, at))
    this.#at = end
    return { kind: 'set', set }
  }

  #escape(at: number): Node {
    const code = this.#pattern.codePointAt(this.#at)
    if (code === undefined) throw this.#fault('Trailing backslash', at)
    const text = String.fromCodePoint(code)
    this.#at += text.length
    if (Object.hasOwn(places, text)) return { kind: 'place', place: places[text] }
    if (Object.hasOwn(escapedSets, text)) return { kind: 'set', set: escapedSets[text] }
    if (this.#options.digits && Object.hasOwn(digitSets, text)) return { kind: 'set', set: digitSets[text] }
    if (text >= '1' && text <= '9') {
      if (Number(text) > this.#groups) throw this.#fault('Invalid back reference', at)
      throw this.#fault('Back-references are not supported: a search takes time in proportion to the text only', at)
    }
    return this.#character(code)
  }

  #character(code: number): Node {
    return { kind: 'set', set: one(code, this.#options.ignoreCase) }
  }

  #fault(sentence: string, at: number = this.#at): Fault {
    return new Fault('PATTERN_SYNTAX', `${sentence}, at character ${at + 1} of "${this.#pattern}"`)
  }
}
