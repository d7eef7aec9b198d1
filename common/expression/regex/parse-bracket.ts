// Bracket expressions: POSIX.1-2017 XBD 9.3.5. A `]` that comes first is a member, a backslash is one too, ranges go by
// code, and classes, equivalences and collating symbols stand in brackets of their own.

import type { Fault } from '../../fault.ts'
import { bracket, named, not, type CharSet, type Range } from './char-set.ts'

/** Reads the expression whose `[` lies at `open`; `end` is behind its `]`. */
export function readBracket(
  pattern: string,
  open: number,
  ignoreCase: boolean,
  fault: (sentence: string, at: number) => Fault,
): { set: CharSet; end: number } {
  const ranges: Range[] = []
  const classes: CharSet[] = []
  let at = open + 1
  const negated = pattern[at] === '^'
  if (negated) at += 1
  const first = at
  for (;;) {
    if (at >= pattern.length) throw unmatched()
    if (pattern[at] === ']' && at > first) break
    if (pattern.startsWith('[:', at)) {
      const begin = at
      const set = named(inner(':'), ignoreCase)
      if (!set) throw fault('Invalid character class name', begin)
      classes.push(set)
      continue
    }
    const begin = at
    // A hyphen stands for itself at the start and at the end.
    if (pattern[at] === '-' && at > first && pattern[at + 1] !== ']') throw fault('Invalid range end', at)
    const from = member()
    let to = from
    if (pattern[at] === '-' && pattern[at + 1] !== ']' && at + 1 < pattern.length) {
      at += 1
      to = member()
    }
    if (to < from) throw fault('Invalid range end', begin)
    ranges.push({ from, to })
  }
  // grep's own warning for a common slip, which it treats as an error.
  if (/^\[:[a-z]+:\]/.test(pattern.slice(open))) {
    throw fault('character class syntax is [[:space:]], not [:space:]', open)
  }
  const set = bracket(ranges, classes, ignoreCase)
  return { set: negated ? not(set) : set, end: at + 1 }

  /** One character, also as `[.a.]` or `[=a=]`; its code. */
  function member(): number {
    if (pattern.startsWith('[.', at)) return collating('.')
    if (pattern.startsWith('[=', at)) return collating('=')
    const code = pattern.codePointAt(at)
    if (code === undefined) throw unmatched()
    at += code > 0xffff ? 2 : 1
    return code
  }

  function collating(mark: string): number {
    const begin = at
    const name = inner(mark)
    const code = name.codePointAt(0)
    if (code === undefined || name.length !== (code > 0xffff ? 2 : 1)) throw fault('Invalid collation character', begin)
    return code
  }

  /** What stands between `[:` and `:]`, which is read. */
  function inner(mark: string): string {
    const close = pattern.indexOf(`${mark}]`, at + 2)
    if (close < 0) throw unmatched()
    const name = pattern.slice(at + 2, close)
    at = close + 2
    return name
  }

  function unmatched(): Fault {
    return fault('Unmatched [, [^, [:, [., or [=', open)
  }
}
