// Which lines begin a message and which go on with the one before: `multiline`.

import { compileRegex } from '../../common/expression/regex/byte-regex.ts'

/** Asked about each line in order, with the line before it. */
export interface MessageStart {
  /** Whether `[start, end)` begins a message; `previous` is the line before it in the same group. */
  begins(bytes: Buffer, start: number, end: number, previousStart: number, previousEnd: number): boolean
}

const SPACE = 0x20
const TAB = 0x09
const BACKSLASH = 0x5c

const isIndented = (bytes: Buffer, start: number, end: number) =>
  start < end && (bytes[start] === SPACE || bytes[start] === TAB)

/** A line that begins with a blank goes on. */
export const indented: MessageStart = {
  begins: (bytes, start, end) => !isIndented(bytes, start, end),
}

/** A line goes on behind one that ends in a backslash. */
export const continuation: MessageStart = {
  begins: (bytes, _start, _end, previousStart, previousEnd) =>
    previousEnd === previousStart || bytes[previousEnd - 1] !== BACKSLASH,
}

/** A line begins a message where the pattern matches it. */
export function startPattern(pattern: string): MessageStart {
  const regex = compileRegex(pattern, { digits: true })
  return { begins: (bytes, start, end) => regex.test(bytes, start, end) }
}

// Lines that belong to a trace without being indented: Java and Node causes, Python's head and its closing line, Go's
// goroutines, what PHP and Ruby put before frames.
const TRACE_LINE = compileRegex(
  [
    '^(Caused by|Suppressed|Traceback \\(most recent call last\\)|Stack trace|goroutine [0-9]+ \\[|created by )',
    '^(During handling of the above exception|The above exception was the direct cause)',
    '^\\.\\.\\. [0-9]+ (more|common frames omitted)',
    '^(#[0-9]+ |\\[signal |panic: |exit status |\tat |at )',
    '^[A-Za-z_][A-Za-z0-9_.]*(Error|Exception|Warning|Interrupt|Exit)(:|$)',
  ].join('\n'),
)

/** Stack traces stay whole: indented lines, and those that traces are known by. */
export const stacktrace: MessageStart = {
  begins(bytes, start, end, previousStart, previousEnd) {
    if (isIndented(bytes, start, end)) return false
    // `ValueError: …` ends a Python trace, and begins a message anywhere else.
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
