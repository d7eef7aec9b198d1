// What a pattern cannot do without. `(sshd|su): .*failed [0-9]+ times` matches only where, for one of the ways,
//
//   ["sshd: ", "failed ", " times"]      or      ["su: ", "failed ", " times"]
//
// all stand. Whoever holds an index rules out everything else, and a scan looks for the longest one first.

import { REGEX_LITERAL_WAYS_MAX } from '../../limits.ts'
import type { Node } from './syntax.ts'

/** For each way to match, literals that are all there. A way without any means that nothing is ruled out. */
export type Ways = readonly (readonly string[])[]

const LITERAL_CHARACTERS_MAX = 256

/** The ways of a pattern; `[[]]` where it needs nothing in particular. */
export function literalsOf(pattern: Node, ignoreCase: boolean): Ways {
  const ways = new LiteralReader(ignoreCase).ways(pattern)
  if (ways.length > REGEX_LITERAL_WAYS_MAX || ways.some((way) => way.length === 0)) return [[]]
  return ways.map(withoutParts)
}

/** The literals of a way that are not part of another one. */
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
      // `ab+c` holds "ab" and "bc".
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

  /** The only text that a part matches; undefined where there are several. */
  #exactly(node: Node): string | undefined {
    switch (node.kind) {
      case 'empty':
      case 'place':
        return ''
      case 'set':
        // Without case, only ASCII has as many bytes in both cases; the reader of literals compares it byte by byte.
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
