// Escapes bytes from senders for a terminal. Control bytes, which could otherwise rewrite the screen, become `#033` as in the
// files that sluice writes. A line feed becomes a new line with an indent, so that a sender cannot forge a message.

import { characterAt, BROKEN } from '../../common/expression/regex/character.ts'
import { Output } from '../../common/message/output.ts'

const LF = 0x0a
const TAB = 0x09
const NEW_LINE_INDENT = '\n    '

/** Appends `text` from `start` on, with control bytes escaped. */
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

/** Lines as `addShown` writes them, each of which stays a line. */
export function shownLines(text: Buffer): Uint8Array {
  const shown = new Output(Buffer.allocUnsafeSlow(text.length + 1))
  for (let at = 0; at < text.length;) {
    const end = text.indexOf(LF, at)
    addShown(shown, text.subarray(at, end < 0 ? text.length : end), 0)
    if (end >= 0) shown.byte(LF)
    at = end < 0 ? text.length : end + 1
  }
  return shown.written
}

/** Escapes DEL and C1 in JSON, which allows them unescaped; C0 is always escaped. */
export function shownJson(json: string): string {
  return json.replaceAll(/[\u007f-\u009f]/g, (control) => `\\u00${control.charCodeAt(0).toString(16)}`)
}

/** True for C0 except tab, DEL, C1, and invalid UTF-8, which a terminal with another encoding may interpret. */
function isControl(code: number): boolean {
  return (code < 0x20 && code !== TAB) || (code >= 0x7f && code < 0xa0) || code === BROKEN
}

function octal(byte: number): string {
  return `#${byte.toString(8).padStart(3, '0')}`
}
