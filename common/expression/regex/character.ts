// Characters, the units that a pattern consumes. Text is UTF-8. A byte that is not part of a well-formed character (Unicode 15
// table 3-7: no overlong forms, no surrogates) is a character of its own, `BROKEN`. In GNU grep nothing matches such a byte; here
// `.` and negated sets match it, because a search of logs should also find damaged lines.
//
// The first byte of a well-formed character is never a continuation byte, so a text divides into the same characters whether it is
// read forwards or backwards.

/** Stands for any byte outside well-formed UTF-8. */
export const BROKEN = 0x110000

/** Decodes the character at `at`. The low three bits of the result are its length in bytes: `(code << 3) | bytes`. */
export function characterAt(text: Uint8Array, at: number, end: number): number {
  const lead = text[at]
  if (lead < 0x80) return (lead << 3) | 1
  if (lead < 0xc2 || lead > 0xf4 || at + 1 >= end) return (BROKEN << 3) | 1
  const second = text[at + 1]
  if ((second & 0xc0) !== 0x80) return (BROKEN << 3) | 1
  if (lead < 0xe0) return (((lead & 0x1f) << 6) | (second & 0x3f)) * 8 + 2
  if (at + 2 >= end || (text[at + 2] & 0xc0) !== 0x80) return (BROKEN << 3) | 1
  const two = ((second & 0x3f) << 6) | (text[at + 2] & 0x3f)
  if (lead < 0xf0) {
    const code = ((lead & 0x0f) << 12) | two
    if (code < 0x800 || (code >= 0xd800 && code < 0xe000)) return (BROKEN << 3) | 1
    return (code << 3) | 3
  }
  if (at + 3 >= end || (text[at + 3] & 0xc0) !== 0x80) return (BROKEN << 3) | 1
  const code = ((lead & 0x07) << 18) | (two << 6) | (text[at + 3] & 0x3f)
  if (code < 0x10000 || code > 0x10ffff) return (BROKEN << 3) | 1
  return (code << 3) | 4
}

/** Decodes the character that ends before `at`, in the form of `characterAt`. */
export function characterBefore(text: Uint8Array, at: number, start: number): number {
  const last = text[at - 1]
  if (last < 0x80) return (last << 3) | 1
  if (last >= 0xc0) return (BROKEN << 3) | 1
  for (let bytes = 2; bytes <= 4 && at - bytes >= start; bytes += 1) {
    if ((text[at - bytes] & 0xc0) === 0x80) continue
    const character = characterAt(text, at - bytes, at)
    return (character & 7) === bytes ? character : (BROKEN << 3) | 1
  }
  return (BROKEN << 3) | 1
}

/** Whether a character is a word character (`\w`): letters, digits and the underscore. */
export function isWordCharacter(code: number): boolean {
  if (code < 0x80) {
    return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || isAsciiDigit(code) || code === 0x5f
  }
  return code !== BROKEN && /[\p{Alphabetic}\p{Nd}]/u.test(String.fromCodePoint(code))
}

function isAsciiDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

/**
 * Maps all cases of a letter to one code. ASCII letters fold only to ASCII (the Kelvin sign is no `k`), so that the bytes of a
 * literal can be searched for without regard to case.
 */
export function foldCase(code: number): number {
  if (code < 0x80) return code >= 0x41 && code <= 0x5a ? code + 32 : code
  if (code === BROKEN) return code
  const lower = single(String.fromCodePoint(code).toLowerCase()) ?? code
  if (lower < 0x80) return code
  const upper = single(String.fromCodePoint(lower).toUpperCase()) ?? lower
  return upper < 0x80 ? code : upper
}

/** The code of a text that is a single character; undefined if it has more. */
function single(text: string): number | undefined {
  const code = text.codePointAt(0)!
  return text.length === (code > 0xffff ? 2 : 1) ? code : undefined
}

/** The named classes of POSIX (`[[:alpha:]]`), with their meaning for Unicode in glibc. */
export const characterClasses: Record<string, RegExp> = {
  alpha: /^(?:\p{Alphabetic}|(?![0-9])\p{Nd})$/u,
  digit: /^[0-9]$/u,
  alnum: /^[\p{Alphabetic}\p{Nd}]$/u,
  upper: /^\p{Uppercase}$/u,
  lower: /^\p{Lowercase}$/u,
  space: /^(?![\u00a0\u2007\u202f\u0085])\p{White_Space}$/u,
  blank: /^(?![\u00a0\u2007\u202f])[\t\p{Zs}]$/u,
  punct: /^(?![\p{Alphabetic}\p{Nd}])[^\p{Cn}\p{Cc}\p{Cs}\p{Zs}\p{Zl}\p{Zp}]$/u,
  graph: /^[^\p{Cn}\p{Cc}\p{Cs}\p{Zs}\p{Zl}\p{Zp}]$/u,
  print: /^[^\p{Cn}\p{Cc}\p{Cs}\p{Zl}\p{Zp}]$/u,
  cntrl: /^[\p{Cc}\p{Zl}\p{Zp}]$/u,
  xdigit: /^[0-9A-Fa-f]$/u,
}
