// The rules of `multiline`: which lines begin a message, and which continue the one before (`stack-trace.ts` has one more).

import { compileRegex } from '../../common/expression/regex/byte-regex.ts'

/** A rule that is asked about each line in order. */
export interface MessageStart {
  /** Whether the line `[start, end)` begins a message; `[group, start)` are the lines before it in the same group. */
  begins(bytes: Buffer, start: number, end: number, group: number): boolean
  /** Whether the line `[start, end)` is certainly the last of its message. Absent if only the next line tells. */
  ends?(bytes: Buffer, start: number, end: number): boolean
}

const TAB = 0x09
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const BACKSLASH = 0x5c

export const isIndented = (bytes: Buffer, start: number, end: number) =>
  start < end && (bytes[start] === SPACE || bytes[start] === TAB)

/** A line that begins with a space or tab continues the message. */
export const indented: MessageStart = {
  begins: (bytes, start, end) => !isIndented(bytes, start, end),
}

const endsWithoutBackslash = (bytes: Buffer, start: number, end: number) =>
  end === start || bytes[end - 1] !== BACKSLASH

/** A line after one that ends in a backslash continues the message. */
export const continuation: MessageStart = {
  begins(bytes, start, _end, group) {
    let end = start
    if (end > group && bytes[end - 1] === LF) end -= 1
    if (end > group && bytes[end - 1] === CR) end -= 1
    return endsWithoutBackslash(bytes, group, end)
  },
  ends: endsWithoutBackslash,
}

/** A line that the pattern matches begins a message; any other line continues it. */
export function startPattern(pattern: string): MessageStart {
  const regex = compileRegex(pattern, { digits: true })
  return { begins: (bytes, start, end) => regex.test(bytes, start, end) }
}
