// What is wrong with an expression: all of it at once, each with its place in the text.

import { Fault } from '../fault.ts'

/** One mistake at `[start, end)` of the text (UTF-16 units). */
export interface Problem {
  readonly start: number
  readonly end: number
  /** A sentence without a full stop: `there is no field "severty"`. */
  readonly sentence: string
  /** What was probably meant, to be put where the mistake is. */
  readonly suggestion?: string
}

/** EXPRESSION_SYNTAX with everything that is wrong with one text. */
export class ExpressionFault extends Fault {
  readonly text: string
  /** In the order of their places; at least one. */
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

/** The name that `typed` is a slip of: the nearest within `editsMax` edits (one in short words), or undefined. */
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

/** Insertions, deletions, replacements and swaps of neighbours that lead from a to b; `limit` where it is that or more. */
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
