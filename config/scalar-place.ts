// Where a part of a value stands in the file: the value of a quoted or folded text is not what was written.
//
//   where: 'program:"it''s" /a/'     in the value, /a/ is at 15; in the text, one further, and behind the quote
//
// Characters that are not blank stand in both in the same order, so value and text are walked side by side; blanks that
// folding and indentation made or took away are stepped over.

import type { YamlScalar } from './yaml.ts'

/** The offset in the file's text of `index` in the scalar's value (UTF-16 units); its end for an index behind the value. */
export function placeInScalar(text: string, scalar: YamlScalar, index: number): number {
  const value = String(scalar.value)
  let at = firstOf(text, scalar)
  let i = 0
  for (;;) {
    const wanted = value.charAt(i)
    if (scalar.style === 'double') at = afterContinuation(text, at)
    if (wanted !== '' && !isBlank(wanted)) while (at < scalar.end && isBlank(text.charAt(at))) at += 1
    if (i >= index || at >= scalar.end || wanted === '') return Math.min(at, scalar.end)
    const [valueUnits, textUnits] = step(text, at, scalar, value, i)
    i += valueUnits
    at += textUnits
  }
}

function firstOf(text: string, { style, start, end }: YamlScalar): number {
  if (style === 'plain') return start
  if (style !== 'block') return start + 1
  const newline = text.indexOf('\n', start)
  return newline < 0 ? end : newline + 1
}

const isBlank = (character: string) =>
  character === ' ' || character === '\t' || character === '\n' || character === '\r'

function step(text: string, at: number, { style }: YamlScalar, value: string, i: number): [number, number] {
  if (style === 'single' && text.startsWith("''", at)) return [1, 2]
  if (style === 'double' && text.charAt(at) === '\\') {
    const digits = { x: 2, u: 4, U: 8 }[text.charAt(at + 1)] ?? 0
    return [digits === 8 && value.codePointAt(i)! > 0xffff ? 2 : 1, 2 + digits]
  }
  if (!isBlank(value.charAt(i))) return [1, 1]
  // A blank of the value that the text does not have here comes from an empty line that was folded away.
  if (!isBlank(text.charAt(at))) return [1, 0]
  return style === 'block' ? [1, 1] : fold(text, at)
}

// The end of a line, with the blanks around it, is one blank; with empty lines behind it, it is a newline for each of them.
function fold(text: string, at: number): [number, number] {
  const [run] = /^[ \t\r\n]*/.exec(text.slice(at))!
  const newlines = run.split('\n').length - 1
  return newlines === 0 ? [1, 1] : [Math.max(1, newlines - 1), run.length]
}

// A backslash at the end of a line joins it with the next.
function afterContinuation(text: string, at: number): number {
  const [joint = ''] = /^\\\r?\n[ \t]*/.exec(text.slice(at, at + 200)) ?? []
  return at + joint.length
}
