// Parses bracket expressions (POSIX.1-2017 XBD 9.3.5). A `]` in first position is a member, and so is a backslash. Ranges are by
// code. Classes, equivalence classes and collating symbols are in inner brackets.

import type { Fault } from '../../fault.ts'
import { bracket, named, not, type CharSet, type Range } from './char-set.ts'

/** Parses the bracket expression whose `[` is at `open`; `end` is the offset after its `]`. */
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
    // A hyphen is literal at the start and at the end.
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
  // As in grep, a common mistake is an error.
  if (/^\[:[a-z]+:\]/.test(pattern.slice(open))) {
    throw fault('character class syntax is [[:space:]], not [:space:]', open)
  }
  const set = bracket(ranges, classes, ignoreCase)
  return { set: negated ? not(set) : set, end: at + 1 }

  /** Reads one character, which may be written as `[.a.]` or `[=a=]`; returns its code. */
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

  /** Reads an inner bracket, such as `[:` to `:]`; returns the name in it. */
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
