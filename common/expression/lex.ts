// The lexer of expressions: a cursor that reads blanks, words, quoted text and regular expressions. `parse.ts` decides what a word
// means.
//
//   word      up to a blank or a parenthesis; a backslash in it is literal
//   "quoted"  'quoted'   literal text; \" \' and \\ are escapes
//   /re/  /re/i          up to the next slash that is neither escaped nor inside [ ]; \/ is a slash

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
  /** Nesting depth of the grammar. */
  depth = 0

  constructor(text: string) {
    this.text = text
  }

  /** The character at the cursor; '' at the end. */
  get here(): string {
    return this.text.charAt(this.at)
  }

  get atEnd(): boolean {
    return this.at >= this.text.length
  }

  /** Whether a term ends at the cursor: at the end of the text, a blank, or a parenthesis. */
  get atBoundary(): boolean {
    return this.atEnd || this.here === '(' || this.here === ')' || BLANK.test(this.here)
  }

  skipBlanks(): void {
    while (!this.atEnd && BLANK.test(this.here)) this.at += 1
  }

  /** Records a mistake from `start` to `end` (the cursor by default). */
  fail(start: number, sentence: string, suggestion?: string, end = this.at): void {
    this.problems.push({ start, end, sentence, ...(suggestion !== undefined && { suggestion }) })
  }

  /** The word at the cursor, up to a blank, a parenthesis or one of `stops`. Does not move the cursor. */
  peekWord(stops = ''): string {
    let end = this.at
    while (end < this.text.length) {
      const character = this.text.charAt(end)
      if (character === '(' || character === ')' || stops.includes(character) || BLANK.test(character)) break
      end += 1
    }
    return this.text.slice(this.at, end)
  }

  /** Reads the word at the cursor, up to a blank, a parenthesis or one of `stops`. */
  readWord(stops = ''): string {
    const word = this.peekWord(stops)
    this.at += word.length
    return word
  }

  /** Records a mistake if anything follows a closing quote or slash without a blank, and skips it. */
  expectBoundary(what: string): void {
    if (this.atBoundary) return
    const start = this.at
    this.readWord()
    this.fail(start, `a blank is missing between ${what} and what follows`)
  }

  /** Whether quoted text begins at the cursor. */
  get atQuote(): boolean {
    return this.here === '"' || this.here === "'"
  }

  /** Reads the quoted text at the cursor. */
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

  /** Reads the regular expression at the cursor, with its slashes and flag. One of `stops` may follow it. */
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
    // The first place where a `]` closes the current bracket expression (a `]` before that is a member of it); -1 outside of one.
    let bracketAt = -1
    for (this.at += 1; !this.atEnd; this.at += 1) {
      const character = this.here
      if (character === '\\' && this.at + 1 < this.text.length) {
        this.at += 1
        // In POSIX brackets a backslash is literal; only before a slash it is an escape of ours.
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

  /** The first place where a `]` can close the bracket expression at the cursor; -1 if nothing closes it. */
  #bracketContent(): number {
    const first = this.at + (this.text.charAt(this.at + 1) === '^' ? 2 : 1)
    return this.text.indexOf(']', first + 1) < 0 ? -1 : first
  }

  /** The `[:alpha:]`, `[.x.]` or `[=x=]` of a bracket expression that begins at the cursor; else ''. */
  #namedClass(): string {
    const mark = this.text.charAt(this.at + 1)
    if (this.here !== '[' || mark === '' || !':.='.includes(mark)) return ''
    const end = this.text.indexOf(`${mark}]`, this.at + 2)
    return end < 0 ? '' : this.text.slice(this.at, end + 2)
  }
}
