// A splitter that is so simple that it can be seen to be right: it has the whole stream as one string, and cuts it with
// regular expressions. What is over `max_message` it does not know.

import type { FramingMode } from '../../common/framing/stream-splitter.ts'
import type { Frame } from './collect.ts'

const COUNT_MAX = 64 * 1024 * 1024

/** All frames of a stream that has ended. Characters are bytes (latin1). */
export function referenceSplit(stream: string, mode: FramingMode = 'auto'): Frame[] {
  const frames: Frame[] = []
  const give = (text: string, ...marks: (string | false)[]) => {
    const trimmed = text.replace(/[\n\r\0]+$/, '')
    if (trimmed !== '') frames.push({ text: trimmed, marks: marks.filter((mark) => mark !== false) })
  }
  const lineEnd = mode === 'newline' ? /\n/ : /[\n\0]/
  let rest = stream
  let afterCounted = false
  for (;;) {
    const empty = /^[\n\r\0]*/.exec(rest)![0]
    if (empty !== '') afterCounted = false
    rest = rest.slice(empty.length)
    if (rest === '') return frames
    const [head, digits] = (mode !== 'newline' && /^(\d{1,10}) (?=<)/.exec(rest)) || ['', '']
    const count = Number(digits)
    if (head !== '' && count > 0 && count <= COUNT_MAX) {
      const body = rest.slice(head.length)
      // What was counted and never came may have swallowed lines.
      if (body.length < count) {
        for (const line of body.split(/[\n\0]/)) give(line, 'FRAME_HALF')
        return frames
      }
      give(body.slice(0, count))
      rest = body.slice(count)
      afterCounted = true
      continue
    }
    const lost = (mode === 'octet' || (afterCounted && !rest.startsWith('<'))) && 'FRAME_RESYNCHRONISED'
    const end = lineEnd.exec(rest)
    if (!end) {
      give(rest, 'FRAME_HALF', lost)
      return frames
    }
    give(rest.slice(0, end.index), lost)
    rest = rest.slice(end.index + 1)
    afterCounted = false
  }
}
