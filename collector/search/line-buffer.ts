// Assembles match lines, the text that patterns are matched against: `host program[pid]: message`, or `host message` for a
// message without a program.

import { viewOf } from '../archive/byte-ranges.ts'
import { NO_PID, PID_IS_TEXT, type Texts } from '../archive/columns.ts'
import type { LineColumns } from './stored-block.ts'

const SPACE = 0x20
const COLON = 0x3a
const OPEN = 0x5b
const CLOSE = 0x5d
const PID_DIGITS_MAX = 10
const FIRST_BYTES = 64 * 1024

/** Concatenated match lines. */
export class LineBuffer {
  /** Bytes `[0, length)` are written. The buffer is replaced when it grows. */
  bytes: Buffer<ArrayBuffer> = Buffer.allocUnsafeSlow(FIRST_BYTES)
  length = 0
  /** Offsets in the last added line: the end of its host, the start of its message. Counted from the start of the buffer. */
  hostEnd = 0
  messageStart = 0
  /** A view of `bytes`. */
  view = viewOf(this.bytes)
  #messages: Buffer | undefined
  #source = this.view

  clear(): void {
    this.length = 0
  }

  /** Adds the line of a row. */
  add(columns: LineColumns, row: number): void {
    const { hosts, programs, messages, pidTexts } = columns
    const host = columns.hostIds[row]
    const program = columns.programIds[row]
    const pid = columns.pidNumbers[row]
    const pidText = pid === PID_IS_TEXT ? columns.pidTextNumbers[row] : -1
    const pidLength = pidText < 0 ? PID_DIGITS_MAX : lengthOf(pidTexts, pidText)
    this.#reserve(lengthOf(hosts, host) + lengthOf(programs, program) + pidLength + lengthOf(messages, row) + 5)
    this.#short(hosts, host)
    this.hostEnd = this.length
    this.bytes[this.length++] = SPACE
    if (lengthOf(programs, program) > 0) {
      this.#short(programs, program)
      if (pid !== NO_PID) {
        this.bytes[this.length++] = OPEN
        if (pidText < 0) this.length = writeNumber(pid, this.bytes, this.length)
        else this.#short(pidTexts, pidText)
        this.bytes[this.length++] = CLOSE
      }
      this.bytes[this.length++] = COLON
      this.bytes[this.length++] = SPACE
    }
    this.messageStart = this.length
    this.#long(messages, row)
  }

  #short({ bytes: from, starts }: Texts, text: number): void {
    const { bytes } = this
    let at = this.length
    for (let i = starts[text], end = starts[text + 1]; i < end; i += 1) bytes[at++] = from[i]
    this.length = at
  }

  // Copies two words at a time, since `Buffer.copy` allocates an object at every call.
  #long({ bytes: from, starts }: Texts, text: number): void {
    if (from !== this.#messages) {
      this.#messages = from
      this.#source = viewOf(from)
    }
    const source = this.#source
    const target = this.view
    const end = starts[text + 1]
    let i = starts[text]
    let at = this.length
    for (const last = end - 8; i <= last; i += 8, at += 8) {
      target.setInt32(at, source.getInt32(i, true), true)
      target.setInt32(at + 4, source.getInt32(i + 4, true), true)
    }
    const { bytes } = this
    for (; i < end; i += 1, at += 1) bytes[at] = from[i]
    this.length = at
  }

  #reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return
    let size = 2 * this.bytes.length
    while (size < this.length + count) size *= 2
    const larger = Buffer.allocUnsafeSlow(size)
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
    this.view = viewOf(larger)
  }
}

/** Writes a number of at most ten digits in decimal at `at`; returns where it ends. */
export function writeNumber(value: number, to: Buffer, at: number): number {
  let end = at + 1
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) end += 1
  for (let i = end - 1, rest = value; i >= at; i -= 1) {
    const tens = Math.floor(rest / 10)
    to[i] = 0x30 + rest - 10 * tens
    rest = tens
  }
  return end
}

function lengthOf({ starts }: Texts, text: number): number {
  return starts[text + 1] - starts[text]
}
