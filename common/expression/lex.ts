// The text of an expression as a cursor sees it: blanks, words, quoted text, regular expressions. What a word means is
// the grammar's business (`parse.ts`).
//
//   word      up to a blank or a parenthesis; a backslash in it is a backslash
//   "quoted"  'quoted'   text as it is; \" \' and \\ stand for the character after the backslash
//   /re/  /re/i          up to the next slash that is neither escaped nor inside [ ]; \/ stands for a slash

import type { Problem } from './problem.ts'

export interface QuotedText {
  readonly text: string
}

export interface RegexText {
  readonly pattern: string
  readonly ignoreCase: boolean
}

const BLANK = /\s/

export class Cursor {
  readonly text: string
  at = 0
  readonly problems: Problem[] = []
  /** How many terms the grammar is inside of. */
  depth = 0

  constructor(text: string) {
    this.text = text
  }

  /** The character here; '' at the end. */
  get here(): string {
    return this.text.charAt(this.at)
  }

  get atEnd(): boolean {
    return this.at >= this.text.length
  }

  /** Whether a term is over here: the end, a blank, or a parenthesis. */
  get atBoundary(): boolean {
    return this.atEnd || this.here === '(' || this.here === ')' || BLANK.test(this.here)
  }

  skipBlanks(): void {
    while (!this.atEnd && BLANK.test(this.here)) this.at += 1
  }

  /** Notes a mistake from `start` to `end` (to here, where absent). */
  fail(start: number, sentence: string, suggestion?: string, end = this.at): void {
    this.problems.push({ start, end, sentence, ...(suggestion !== undefined && { suggestion }) })
  }

  /** The word from here, up to a blank, a parenthesis or one of `stops`, without moving. */
  peekWord(stops = ''): string {
    let end = this.at
    while (end < this.text.length) {
      const character = this.text.charAt(end)
      if (character === '(' || character === ')' || stops.includes(character) || BLANK.test(character)) break
      end += 1
    }
    return this.text.slice(this.at, end)
  }

  /** The word from here, up to a blank, a parenthesis or one of `stops`. */
  readWord(stops = ''): string {
    const word = this.peekWord(stops)
    this.at += word.length
    return word
  }

  /** Notes what stands behind a closing quote or slash without a blank between. */
  expectBoundary(what: string): void {
    if (this.atBoundary) return
    const start = this.at
    this.readWord()
    this.fail(start, `a blank is missing between ${what} and what follows`)
  }

  /** Whether quoted text begins here. */
  get atQuote(): boolean {
    return this.here === '"' || this.here === "'"
  }

  /** The quoted text that begins here. */
  readQuoted(): QuotedText {
    const start = this.at
    const quote = this.here
    let text = ''
    this.at += 1
    while (!this.atEnd && this.here !== quote) {
      const next = this.text.charAt(this.at + 1)
      if (this.here === '\\' && (next === '"' || next === "'" || next === '\\')) this.at += 1
      text += this.here
      this.at += 1
    }
    if (this.atEnd) this.fail(start, `the quote is not closed`)
    this.at += 1
    return { text }
  }

  /** The regular expression that begins here, with its slashes and flag; `stops` may follow it. */
  readRegex(stops = ''): RegexText {
    const start = this.at
    const { pattern, closed } = this.#readPattern()
    if (!closed) {
      this.fail(start, 'the regular expression is not closed by a slash; quotes make a path text')
      return { pattern, ignoreCase: false }
    }
    const flagsAt = this.at
    const flags = this.readWord(stops)
    if (flags !== '' && flags !== 'i') {
      this.fail(start, `"${flags}" follows the regular expression: quotes make a path text, \\/ is a slash`)
    } else if (flags === '' && pattern === '') {
      this.fail(start, 'an empty regular expression', undefined, flagsAt)
    }
    return { pattern, ignoreCase: flags === 'i' }
  }

  #readPattern(): { pattern: string; closed: boolean } {
    let pattern = ''
    // Where the bracket expression began, so that its first `]`, which is a character of it, does not close it.
    let bracketAt = -1
    for (this.at += 1; !this.atEnd; this.at += 1) {
      const character = this.here
      if (character === '\\' && this.at + 1 < this.text.length) {
        this.at += 1
        // In brackets a backslash is itself in POSIX syntax: only the one before a slash was for us.
        pattern += this.here === '/' ? '/' : bracketAt >= 0 ? '\\' : `\\${this.here}`
        if (bracketAt >= 0 && this.here !== '/') this.at -= 1
        continue
      }
      if (character === '/' && bracketAt < 0) {
        this.at += 1
        return { pattern, closed: true }
      }
      const named = bracketAt >= 0 ? this.#namedClass() : ''
      if (named !== '') {
        pattern += named
        this.at += named.length - 1
        continue
      }
      if (character === '[' && bracketAt < 0) bracketAt = this.#bracketContent()
      else if (character === ']' && bracketAt >= 0 && this.at > bracketAt) bracketAt = -1
      pattern += character
    }
    return { pattern, closed: false }
  }

  /** The first place where a `]` can close the bracket expression that begins here; -1 where nothing closes it. */
  #bracketContent(): number {
    const first = this.at + (this.text.charAt(this.at + 1) === '^' ? 2 : 1)
    return this.text.indexOf(']', first + 1) < 0 ? -1 : first
  }

  /** `[:alpha:]`, `[.x.]` or `[=x=]` inside a bracket expression, if it begins here. */
  #namedClass(): string {
    const mark = this.text.charAt(this.at + 1)
    if (this.here !== '[' || mark === '' || !':.='.includes(mark)) return ''
    const end = this.text.indexOf(`${mark}]`, this.at + 2)
    return end < 0 ? '' : this.text.slice(this.at, end + 2)
  }
}
