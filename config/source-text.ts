// The text of a configuration file, and the output of a fault in it:
//
//   sluice.yaml:14:7 CONFIG_UNKNOWN_KEY: destinations have no "formt"; did you mean "format"?
//         formt: rfc3164
//         ^

import type { FaultCode } from '../common/fault-codes.ts'

/** One fault of a configuration. */
export interface ConfigFault {
  readonly code: FaultCode
  /** Without a full stop. */
  readonly sentence: string
  /** What was probably meant. */
  readonly suggestion?: string
  /** Offset in the text of the file; absent if the fault is about the whole file. */
  readonly at?: number
}

/** Only a part of longer lines is shown. */
const SHOWN_CHARACTERS = 160
const SHOWN_BEFORE = 100

export class SourceText {
  /** The name in faults. */
  readonly name: string
  readonly text: string
  readonly #lineStarts: number[] = [0]

  constructor(name: string, text: string) {
    this.name = name
    this.text = text
    for (const { index, 0: newline } of text.matchAll(/\r\n|\r|\n/g)) this.#lineStarts.push(index + newline.length)
  }

  /** Line and column of an offset, both counted from 1. Columns are in characters. */
  positionOf(offset: number): { line: number; column: number } {
    const line = this.#lineAt(offset)
    const before = this.text.slice(this.#lineStarts[line], offset)
    return { line: line + 1, column: Array.from(before).length + 1 }
  }

  /** A fault, with its line of the file and a caret below the place; ends with a newline. */
  show({ code, sentence, suggestion, at }: ConfigFault): string {
    const meant = suggestion === undefined ? '' : `; did you mean ${quoted(suggestion)}?`
    const words = escaped(`${code}: ${sentence}${meant}`)
    const name = escaped(this.name)
    if (at === undefined) return `${name} ${words}\n`
    const { line, column } = this.positionOf(at)
    return `${name}:${line}:${column} ${words}\n${this.#shownLine(line - 1, column - 1)}`
  }

  #shownLine(line: number, column: number): string {
    const start = this.#lineStarts[line]
    const [content] = /^[^\r\n]*/.exec(this.text.slice(start))!
    // A byte order mark and control characters would move the caret, or the terminal.
    let characters = Array.from(content.replaceAll(/[^\P{Cc}\t]|[\u2028\u2029\ufeff]/gu, ' '))
    if (characters.length > SHOWN_CHARACTERS) {
      const from = Math.max(0, column - SHOWN_BEFORE)
      const part = characters.slice(from, from + SHOWN_CHARACTERS)
      characters = [...(from > 0 ? ['…'] : []), ...part, ...(from + SHOWN_CHARACTERS < characters.length ? ['…'] : [])]
      column -= from > 0 ? from - 1 : 0
    }
    const shown = characters.join('')
    const indent = characters.slice(0, column).map(blankFor)
    return `${shown}\n${indent.join('')}^\n`
  }

  #lineAt(offset: number): number {
    let low = 0
    let high = this.#lineStarts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#lineStarts[middle] <= offset) low = middle
      else high = middle - 1
    }
    return low
  }
}

// Characters that terminals show two columns wide: most of those of Chinese, Japanese and Korean, and emoji.
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\p{Emoji_Presentation}\u{20000}-\u{3fffd}]/u
/** Characters that take no column: accents and other marks of the character before them, and those that are not shown. */
const ZERO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/u

/** Blanks as wide as the character, so that the caret is below its place. */
function blankFor(character: string): string {
  if (character === '\t') return character
  return WIDE.test(character) ? '  ' : ZERO_WIDTH.test(character) ? '' : ' '
}

// Escapes control characters as in the lines that sluice writes, so that the text stays on one line and cannot control a terminal.
function escaped(words: string): string {
  return words.replaceAll(/[\p{Cc}\u2028\u2029\ufeff]/gu, (character) =>
    Array.from(Buffer.from(character), (byte) => `#${byte.toString(8).padStart(3, '0')}`).join(''),
  )
}

// Suggestions that have to be written with quotes or brackets include these already.
const quoted = (suggestion: string) => (/^["[]/.test(suggestion) ? suggestion : `"${suggestion}"`)
