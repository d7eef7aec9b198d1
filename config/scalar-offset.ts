// Maps an index in the value of a scalar to an offset in the file. They differ for quoted and folded scalars:
//
//   where: 'program:"it''s" /a/'     in the value, /a/ is at 15; in the text, one further, plus the opening quote
//
// The non-blank characters of value and text are in the same order, so both are traversed in parallel. Blanks that folding and
// indentation added or removed are skipped.

import type { YamlScalar } from './yaml.ts'

/** The offset in the file of `index` in the value of a scalar (both in UTF-16 units); the end of the scalar for an index after the value. */
export function offsetInScalar(text: string, scalar: YamlScalar, index: number): number {
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
  // A blank that is in the value but not in the text comes from an empty line that was folded.
  if (!isBlank(text.charAt(at))) return [1, 0]
  return style === 'block' ? [1, 1] : fold(text, at)
}

// A line end, with the blanks around it, is folded to one blank; if empty lines follow, to one newline for each of them.
function fold(text: string, at: number): [number, number] {
  const [run] = /^[ \t\r\n]*/.exec(text.slice(at))!
  const newlines = run.split('\n').length - 1
  return newlines === 0 ? [1, 1] : [Math.max(1, newlines - 1), run.length]
}

// A backslash at the end of a line joins it with the next one.
function afterContinuation(text: string, at: number): number {
  const [joint = ''] = /^\\\r?\n[ \t]*/.exec(text.slice(at, at + 200)) ?? []
  return at + joint.length
}
