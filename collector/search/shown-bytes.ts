// What a terminal gets to see of bytes that a sender wrote: control bytes as `#033`, as in the files that sluice writes,
// since they could else rewrite what is on the screen. A line feed starts a new line, indented, so that it cannot pass
// for a message.

import { characterAt, BROKEN } from '../../common/expression/regex/character.ts'
import type { Output } from '../../common/message/output.ts'

const LF = 0x0a
const TAB = 0x09
const NEW_LINE_INDENT = '\n    '

/** Adds the bytes from `start` on, none of which a terminal obeys. */
export function addShown(output: Output, text: Buffer, start: number): void {
  for (let at = start; at < text.length;) {
    const character = characterAt(text, at, text.length)
    const code = character >> 3
    const bytes = character & 7
    if (code === LF) output.text(NEW_LINE_INDENT)
    else if (isControl(code)) for (let i = 0; i < bytes; i += 1) output.text(octal(text[at + i]))
    else output.fixed(text.subarray(at, at + bytes))
    at += bytes
  }
}

/** JSON escapes C0 by itself; the rest of the control characters it may have in either way. */
export function shownJson(json: string): string {
  return json.replaceAll(/[\u007f-\u009f]/g, (control) => `\\u00${control.charCodeAt(0).toString(16)}`)
}

/** C0 but the tab, DEL, C1, and bytes that are no character (a terminal in another encoding may obey them). */
function isControl(code: number): boolean {
  return (code < 0x20 && code !== TAB) || (code >= 0x7f && code < 0xa0) || code === BROKEN
}

function octal(byte: number): string {
  return `#${byte.toString(8).padStart(3, '0')}`
}
