// The rules of `multiline`: which lines begin a message, and which continue the one before.

import { compileRegex } from '../../common/expression/regex/byte-regex.ts'

/** A rule that is asked about each line in order. */
export interface MessageStart {
  /** Whether the line `[start, end)` begins a message; `[previousStart, previousEnd)` is the line before it in the same group. */
  begins(bytes: Buffer, start: number, end: number, previousStart: number, previousEnd: number): boolean
  /** Whether the line `[start, end)` is certainly the last of its message. Absent if only the next line tells. */
  ends?(bytes: Buffer, start: number, end: number): boolean
}

const SPACE = 0x20
const TAB = 0x09
const BACKSLASH = 0x5c

const isIndented = (bytes: Buffer, start: number, end: number) =>
  start < end && (bytes[start] === SPACE || bytes[start] === TAB)

/** A line that begins with a space or tab continues the message. */
export const indented: MessageStart = {
  begins: (bytes, start, end) => !isIndented(bytes, start, end),
}

const endsWithoutBackslash = (bytes: Buffer, start: number, end: number) =>
  end === start || bytes[end - 1] !== BACKSLASH

/** A line after one that ends in a backslash continues the message. */
export const continuation: MessageStart = {
  begins: (bytes, _start, _end, previousStart, previousEnd) => endsWithoutBackslash(bytes, previousStart, previousEnd),
  ends: endsWithoutBackslash,
}

/** A line that the pattern matches begins a message; any other line continues it. */
export function startPattern(pattern: string): MessageStart {
  const regex = compileRegex(pattern, { digits: true })
  return { begins: (bytes, start, end) => regex.test(bytes, start, end) }
}

// Lines that belong to a stack trace without being indented: causes in Java and Node, the first and the last line in Python,
// goroutines in Go, and what PHP and Ruby put before each frame.
const TRACE_LINE = compileRegex(
  [
    '^(Caused by|Suppressed|Traceback \\(most recent call last\\)|Stack trace|goroutine [0-9]+ \\[|created by )',
    '^(During handling of the above exception|The above exception was the direct cause)',
    '^\\.\\.\\. [0-9]+ (more|common frames omitted)',
    '^(#[0-9]+ |\\[signal |panic: |exit status |\tat |at )',
    '^[A-Za-z_][A-Za-z0-9_.]*(Error|Exception|Warning|Interrupt|Exit)(:|$)',
  ].join('\n'),
)

/** Keeps stack traces together: indented lines, and the lines that `TRACE_LINE` matches, continue the message. */
export const stacktrace: MessageStart = {
  begins(bytes, start, end, previousStart, previousEnd) {
    if (isIndented(bytes, start, end)) return false
    // `ValueError: …` after an indented line ends a Python trace; anywhere else it begins a message.
    if (!TRACE_LINE.test(bytes, start, end)) return true
    return isError(bytes, start) && !isIndented(bytes, previousStart, previousEnd)
  },
}

const isError = (bytes: Buffer, start: number) => {
  const first = bytes[start]
  return (
    (first >= 0x41 && first <= 0x5a && !startsWith(bytes, start, 'Caused by') && !isKnown(bytes, start)) ||
    first === 0x5f
  )
}

const KNOWN = ['Suppressed', 'Traceback', 'Stack trace', 'During handling', 'The above exception']
const isKnown = (bytes: Buffer, start: number) => KNOWN.some((text) => startsWith(bytes, start, text))

function startsWith(bytes: Buffer, start: number, text: string): boolean {
  return bytes.toString('latin1', start, start + text.length) === text
}
