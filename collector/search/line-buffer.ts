// The text that patterns are matched on: `host program[pid]: message`, or `host message` without a program.

import type { Rows } from '../../common/expression/rows.ts'
import { HOST, MESSAGE, PID, PROGRAM, ROW } from '../../common/pipeline/header-table.ts'
import { HOSTS, MESSAGES, PIDS, PROGRAMS } from './stored-block.ts'

/** The columns that lines are made of. */
export const LINE_COLUMNS = HOSTS | PROGRAMS | PIDS | MESSAGES

const SPACE = 0x20
const COLON = 0x3a
const OPEN = 0x5b
const CLOSE = 0x5d
const FIRST_BYTES = 64 * 1024

/** Lines, one behind another. */
export class LineBuffer {
  /** `[0, length)` is written. Replaced when it grows. */
  bytes: Buffer<ArrayBuffer> = Buffer.allocUnsafeSlow(FIRST_BYTES)
  length = 0
  /** Where the last added line's parts end or begin. */
  hostEnd = 0
  messageStart = 0
  #target = viewOf(this.bytes)
  #from: Buffer | undefined
  #source = this.#target

  clear(): void {
    this.length = 0
  }

  /** Adds the line of a row; its columns are decoded. */
  add(rows: Rows, row: number): void {
    if (rows.bytes !== this.#from) {
      this.#from = rows.bytes
      this.#source = viewOf(rows.bytes)
    }
    const { cells } = rows.table
    const cell = row * ROW
    const host = cells[cell + HOST]
    const hostEnd = cells[cell + HOST + 1]
    const program = cells[cell + PROGRAM]
    const programEnd = cells[cell + PROGRAM + 1]
    const pid = cells[cell + PID]
    const pidEnd = cells[cell + PID + 1]
    const message = cells[cell + MESSAGE]
    const messageEnd = cells[cell + MESSAGE + 1]
    this.#reserve(hostEnd - host + programEnd - program + pidEnd - pid + messageEnd - message + 5)
    this.#copy(host, hostEnd)
    this.hostEnd = this.length
    this.bytes[this.length++] = SPACE
    if (programEnd > program) {
      this.#copy(program, programEnd)
      if (pidEnd > pid) {
        this.bytes[this.length++] = OPEN
        this.#copy(pid, pidEnd)
        this.bytes[this.length++] = CLOSE
      }
      this.bytes[this.length++] = COLON
      this.bytes[this.length++] = SPACE
    }
    this.messageStart = this.length
    this.#copy(message, messageEnd)
  }

  // Two words at a time: `Buffer.copy` makes an object for every call.
  #copy(start: number, end: number): void {
    const source = this.#source
    const target = this.#target
    let at = this.length
    let i = start
    for (const last = end - 8; i <= last; i += 8, at += 8) {
      target.setInt32(at, source.getInt32(i, true), true)
      target.setInt32(at + 4, source.getInt32(i + 4, true), true)
    }
    const { bytes } = this
    for (const from = this.#from!; i < end; i += 1, at += 1) bytes[at] = from[i]
    this.length = at
  }

  #reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return
    let size = 2 * this.bytes.length
    while (size < this.length + count) size *= 2
    const larger = Buffer.allocUnsafeSlow(size)
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
    this.#target = viewOf(larger)
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}
