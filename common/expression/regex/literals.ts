// Literals that a text must contain to match a pattern. `(sshd|su): .*failed [0-9]+ times` matches only texts that contain all
// literals of at least one alternative ("way"):
//
//   ["sshd: ", "failed ", " times"]      or      ["su: ", "failed ", " times"]
//
// An index rules out all other blocks, and a scan searches for the longest literal first.

import { REGEX_LITERAL_WAYS_MAX } from '../../limits.ts'
import type { Node } from './syntax.ts'

/** For each alternative, literals that the text must all contain. An alternative without literals rules nothing out. */
export type Ways = readonly (readonly string[])[]

const LITERAL_CHARACTERS_MAX = 256

/** The literals of a pattern; `[[]]` if one of its alternatives has none, or there are too many alternatives. */
export function literalsOf(pattern: Node, ignoreCase: boolean): Ways {
  const ways = new LiteralReader(ignoreCase).ways(pattern)
  if (ways.length > REGEX_LITERAL_WAYS_MAX || ways.some((way) => way.length === 0)) return [[]]
  return ways.map(withoutParts)
}

/** Removes literals that are part of another literal of the same way. */
function withoutParts(way: readonly string[]): string[] {
  const distinct = [...new Set(way)]
  return distinct.filter((literal) => !distinct.some((other) => other !== literal && other.includes(literal)))
}

class LiteralReader {
  readonly #ignoreCase: boolean

  constructor(ignoreCase: boolean) {
    this.#ignoreCase = ignoreCase
  }

  ways(node: Node): Ways {
    const text = this.#exactly(node)
    if (text !== undefined) return [text === '' ? [] : [text]]
    switch (node.kind) {
      case 'sequence':
        return this.#sequence(node.parts)
      case 'choice':
        return node.options.flatMap((option) => this.ways(option))
      case 'repeat':
        return node.min === 0 ? [[]] : this.ways(node.part)
      default:
        return [[]]
    }
  }

  #sequence(parts: readonly Node[]): Ways {
    let ways: Ways = [[]]
    let run = ''
    const endRun = () => {
      if (run !== '') ways = ways.map((way) => [...way, run])
      run = ''
    }
    for (const part of parts) {
      if (part.kind === 'place') continue
      const text = this.#exactly(part)
      if (text !== undefined) {
        run += text
        continue
      }
      // A match of `ab+c` contains "ab" and "bc".
      const repeated = part.kind === 'repeat' && part.min > 0 ? this.#exactly(part.part) : undefined
      if (repeated !== undefined) {
        run += repeated
        endRun()
        run = repeated
        continue
      }
      endRun()
      const inner = this.ways(part)
      if (ways.length * inner.length > REGEX_LITERAL_WAYS_MAX) continue
      ways = ways.flatMap((way) => inner.map((more) => [...way, ...more]))
    }
    endRun()
    return ways
  }

  /** The only text that a node matches; undefined if it matches several. */
  #exactly(node: Node): string | undefined {
    switch (node.kind) {
      case 'empty':
      case 'place':
        return ''
      case 'set':
        // With `ignoreCase` literals are compared byte by byte, and only ASCII has the same length in both cases.
        if (node.set.only === undefined || (this.#ignoreCase && node.set.only >= 0x80)) return undefined
        return String.fromCodePoint(node.set.only)
      case 'sequence': {
        const texts = node.parts.map((part) => this.#exactly(part))
        return texts.includes(undefined) ? undefined : texts.join('')
      }
      case 'repeat': {
        if (node.min !== node.max) return undefined
        const text = this.#exactly(node.part)
        return text !== undefined && text.length * node.min <= LITERAL_CHARACTERS_MAX
          ? text.repeat(node.min)
          : undefined
      }
      default:
        return undefined
    }
  }
}
