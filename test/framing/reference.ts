// A reference splitter that is simple enough to be evidently correct: it has the whole stream as one string, and cuts
// it with regular expressions. It does not chunk messages longer than `max_message`.

import type { FramingMode } from '../../common/framing/stream-splitter.ts'
import type { Frame } from './collect.ts'

const COUNT_MAX = 64 * 1024 * 1024
const MESSAGE_MAX = 1024 * 1024
const LIKELY_MAX = 1024
const MARK = '\xef\xbb\xbf'

/** The first `N <PRI>` in a text: the text before it, the count, and where the message begins. */
function frameIn(text: string, countMax: number): [before: string, count: number, from: number] | undefined {
  for (const { index, 0: all } of text.matchAll(/(?<= )<\d{1,3}>/g)) {
    let digits = /\d{0,10}$/.exec(text.slice(0, index - 1))![0]
    while (Number(digits) > countMax) digits = digits.slice(1)
    if (Number(digits) >= all.length) return [text.slice(0, index - 1 - digits.length), Number(digits), index]
  }
  return undefined
}

/** Returns all frames of a stream that has ended. Characters are bytes (latin1). */
export function referenceSplit(stream: string, mode: FramingMode = 'auto'): Frame[] {
  const frames: Frame[] = []
  const give = (text: string, ...marks: (string | false)[]) => {
    const trimmed = text.replace(/[\n\r\0]+$/, '')
    if (trimmed !== '') frames.push({ text: trimmed, marks: marks.filter((mark) => mark !== false) })
  }
  const lineEnd = mode === 'newline' ? /\n/ : /[\n\0]/
  let rest = stream
  let afterCounted = false
  let largest = 0
  let isFound = false
  for (;;) {
    const empty = /^[\n\r\0]*/.exec(rest)![0]
    if (empty !== '') afterCounted = false
    rest = rest.slice(empty.length)
    if (rest === '') return frames
    if (mode !== 'newline' && rest.startsWith(`${MARK}<`)) rest = rest.slice(3)
    const [head, digits] = (mode !== 'newline' && /^(?:\xef\xbb\xbf)?(\d{1,10}) (?=<)/.exec(rest)) || ['', '']
    const count = Number(digits)
    if (head !== '' && count > 0 && count <= COUNT_MAX) {
      const body = rest.slice(head.length)
      if (!isFound) largest = Math.max(largest, count)
      isFound = false
      // A count that was never reached may have swallowed lines.
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
    const text = end ? rest.slice(0, end.index) : rest
    const countMax = Math.min(MESSAGE_MAX, Math.max(LIKELY_MAX, 4 * largest))
    const found = mode !== 'newline' && afterCounted && frameIn(text, countMax)
    if (found) {
      give(found[0], 'FRAME_RESYNCHRONISED')
      rest = `${found[1]} ${rest.slice(found[2])}`
      afterCounted = false
      isFound = true
      continue
    }
    if (!end) {
      give(rest, 'FRAME_HALF', lost)
      return frames
    }
    give(text, lost)
    rest = rest.slice(end.index + 1)
    afterCounted = false
  }
}
