// Functions with which the suites read the output of a destination.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A text as it is written in a line: LF, CR and NUL are escaped. */
export function escaped(text: string): string {
  return text.replaceAll('\n', '#012').replaceAll('\r', '#015').replaceAll('\0', '#000')
}

/** The text of a suite's message, without its header. */
export const bodyOf = (message: string) => message.replace(/^<13>Nov 23 10:00:00 h p\d*: /, '')

export const linesIn = (bytes: Buffer | string) => bytes.toString('latin1').split('\n').slice(0, -1)

/** The lines of each file in a folder, in latin1. */
export function linesOfFiles(folder: string): string[][] {
  if (!existsSync(folder)) return []
  return readdirSync(folder).map((name) => linesIn(readFileSync(join(folder, name))))
}

/** The complete octet-counted frames of a stream (RFC 6587 §3.4.1). */
export function countedFrames(bytes: Buffer): string[] {
  const frames: string[] = []
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(' ', at)
    const start = space + 1
    const end = start + Number(bytes.toString('latin1', at, space))
    if (space < 0 || end > bytes.length) break
    frames.push(bytes.toString('latin1', start, end))
    at = end
  }
  return frames
}
