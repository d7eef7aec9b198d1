// The rule `multiline: stacktrace`. An indented line continues the message, and so do these lines of a trace:
//
//   Caused by: …   Suppressed: …                  Java
//   Traceback (most recent call last):            Python: before the frames
//   socket.gaierror: [Errno -2] Name or …         Python: after the frames, whatever the class is called
//   During handling of …   The above exception …  Python: between two traces
//   goroutine 1 [running]:   created by …         Go
//   main.main()                                   Go: after `goroutine` or after the place of the function before
//   Stack trace:   #0 /var/www/x.php(7): f()      PHP
//   /app/x.rb:3:in `f'                            Ruby
//   }                                             Node: after the properties of an error
//   java.io.IOException: …                        an error with its package; without one (`ValueError: …`) only after indented lines
//
// and an empty line, which Python and Go put between two traces; the second one in a row begins a message.

import { compileRegex } from '../../common/expression/regex/byte-regex.ts'
import { isIndented, type MessageStart } from './message-start.ts'

const LF = 0x0a
const CR = 0x0d

const ERROR = '(Error|Exception|Warning|Interrupt|Exit|Throwable)(:|$)'

const TRACE_LINE = compileRegex(
  [
    '^(Caused by|Wrapped by: |Suppressed|Traceback \\(most recent call last\\)|Stack trace|goroutine [0-9]+ \\[|created by )',
    '^(During handling of the above exception|The above exception was the direct cause)',
    '^\\.\\.\\. [0-9]+ (more|common frames omitted)',
    '^\\.\\.\\.([0-9]+|additional) frames elided\\.\\.\\.$',
    '^(#[0-9]+ |\\[signal |exit status |at )',
    "^[^ ]+:[0-9]+:in [`'].*'$",
    `^[a-z][A-Za-z0-9_.$]*${ERROR}`,
  ].join('\n'),
)

/** Lines that belong to a trace if they come after an indented line. */
const LAST_LINE = compileRegex([`^[A-Z_][A-Za-z0-9_.$]*${ERROR}`, '^[]})]+[,;]?$'].join('\n'))

const PYTHON_FIRST = compileRegex('Traceback \\(most recent call last\\):$')
const PYTHON_LAST = compileRegex('^[A-Za-z_][A-Za-z0-9_.<>]*(:|$)')

const GO_FUNCTION = compileRegex('^[^ ]+\\(.*\\)$')
const BEFORE_GO_FUNCTION = compileRegex('^goroutine [0-9]+ \\[\n^\t[^ ]+:[0-9]+( \\+0x[0-9a-f]+)?$')

export const stacktrace: MessageStart = {
  begins(bytes, start, end, group) {
    const previousEnd = textEnd(bytes, group, start)
    if (start === end) return lines(bytes, previousEnd, start) > 1
    if (isIndented(bytes, start, end) || TRACE_LINE.test(bytes, start, end)) return false
    const previous = lineStart(bytes, group, previousEnd)
    if (GO_FUNCTION.test(bytes, start, end) && BEFORE_GO_FUNCTION.test(bytes, previous, previousEnd)) return false
    if (!isIndented(bytes, previous, previousEnd)) return true
    if (LAST_LINE.test(bytes, start, end)) return false
    return !(PYTHON_LAST.test(bytes, start, end) && isBehindFrames(bytes, group, previous))
  },
}

/** Whether the lines before the indented one at `at` are the frames of Python's traceback, and its first line. */
function isBehindFrames(bytes: Buffer, group: number, at: number): boolean {
  let end = at
  do {
    end = textEnd(bytes, group, at)
    at = lineStart(bytes, group, end)
  } while (at > group && isIndented(bytes, at, end))
  return PYTHON_FIRST.test(bytes, at, end)
}

/** The end of the last text in `[group, at)`, without the newlines behind it. */
function textEnd(bytes: Buffer, group: number, at: number): number {
  while (at > group && (bytes[at - 1] === LF || bytes[at - 1] === CR)) at -= 1
  return at
}

function lineStart(bytes: Buffer, group: number, at: number): number {
  while (at > group && bytes[at - 1] !== LF) at -= 1
  return at
}

/** The number of newlines in `[start, end)`. */
function lines(bytes: Buffer, start: number, end: number): number {
  let count = 0
  for (let at = start; at < end; at += 1) if (bytes[at] === LF) count += 1
  return count
}
