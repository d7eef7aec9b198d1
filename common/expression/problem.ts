// The mistakes in an expression, each with its place in the text. All are reported at once.

import { Fault } from '../fault.ts'

/** One mistake at `[start, end)` of the text (UTF-16 units). */
export interface Problem {
  readonly start: number
  readonly end: number
  /** A sentence without a full stop: `there is no field "severty"`. */
  readonly sentence: string
  /** What was probably meant: a replacement for `[start, end)`. */
  readonly suggestion?: string
}

/** EXPRESSION_SYNTAX with all mistakes in a text. */
export class ExpressionFault extends Fault {
  readonly text: string
  /** In the order of the text; at least one. */
  readonly problems: readonly Problem[]

  constructor(text: string, problems: readonly Problem[]) {
    const sorted = [...problems].sort((a, b) => a.start - b.start || a.end - b.end)
    super('EXPRESSION_SYNTAX', sorted.map(describeProblem).join('; '))
    this.text = text
    this.problems = sorted
  }
}

/** `there is no field "severty"; did you mean "severity"?` */
export function describeProblem({ sentence, suggestion }: Problem): string {
  return suggestion === undefined ? sentence : `${sentence}; did you mean "${suggestion}"?`
}

/** The name that `typed` is probably a misspelling of: the nearest within `editsMax` edits (one for words of up to 4 letters), or undefined. */
export function nearest(typed: string, names: Iterable<string>, editsMax = 2): string | undefined {
  const word = typed.toLowerCase()
  let best: string | undefined
  let bestEdits = (word.length <= 4 ? 1 : editsMax) + 1
  for (const name of names) {
    const edits = editsBetween(word, name.toLowerCase(), bestEdits)
    if (edits < bestEdits) [best, bestEdits] = [name, edits]
  }
  return best
}

/** The edit distance of a and b (insertions, deletions, replacements, swaps of neighbours), but at most `limit`. */
function editsBetween(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = last[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)
      row[j] = Math.min(replaced, last[j] + 1, row[j - 1] + 1)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) row[j] = Math.min(row[j], before[j - 2] + 1)
    }
    before = last
    last = row
  }
  return Math.min(last[b.length], limit)
}
