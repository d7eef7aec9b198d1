// A pattern against the lines of a block.
//
// Lines are put together from columns, which costs more than looking for a literal. So where the pattern needs one, and
// the block's names rule out that it stands in a line's head or across its end, the messages as they lie in their column
// are searched at several GB/s, and only the lines of those that hold it are put together.

import type { ByteRegex } from '../../common/expression/regex/byte-regex.ts'
import type { Rows } from '../../common/expression/rows.ts'
import { HOST, MESSAGE, PID, PROGRAM, ROW } from '../../common/pipeline/header-table.ts'
import { LineBuffer } from './line-buffer.ts'

export class LineMatcher {
  readonly #regex: ByteRegex
  readonly #invert: boolean
  readonly #needle: Buffer | undefined
  readonly #lines = new LineBuffer()
  #bounds = new Uint32Array(0)
  #rows = new Uint32Array(0)
  #matched = new Uint8Array(0)

  constructor(regex: ByteRegex, invert: boolean) {
    this.#regex = regex
    this.#invert = invert
    this.#needle = regex.needle && withoutSeparatorsBefore(regex.needle)
  }

  /** Sets `open[i]` to 0 for each row whose line does not match (does, where inverted). Rows have LINE_COLUMNS. */
  narrow(rows: Rows, open: Uint8Array): void {
    if (rows.count > this.#rows.length) {
      this.#rows = new Uint32Array(rows.count)
      this.#bounds = new Uint32Array(2 * rows.count)
      this.#matched = new Uint8Array(rows.count)
    }
    const needle = this.#needle
    const kept = needle && !headMayHold(rows, needle) ? this.#holding(rows, open, needle) : this.#all(rows, open)
    this.#lines.clear()
    for (let i = 0; i < kept; i += 1) {
      this.#bounds[2 * i] = this.#lines.length
      this.#lines.add(rows, this.#rows[i])
      this.#bounds[2 * i + 1] = this.#lines.length
    }
    this.#regex.testEach(this.#lines.bytes, this.#bounds, kept, this.#matched)
    if (this.#invert) {
      for (let i = 0; i < kept; i += 1) if (this.#matched[i] !== 0) open[this.#rows[i]] = 0
      return
    }
    open.fill(0, 0, rows.count)
    for (let i = 0; i < kept; i += 1) open[this.#rows[i]] = this.#matched[i]
  }

  #all(rows: Rows, open: Uint8Array): number {
    let kept = 0
    for (let i = 0; i < rows.count; i += 1) if (open[i] !== 0) this.#rows[kept++] = i
    return kept
  }

  /** The open rows whose message holds the needle. */
  #holding({ bytes, count, table }: Rows, open: Uint8Array, needle: Buffer): number {
    const { cells } = table
    let kept = 0
    let row = 0
    const last = count - 1
    const end = count === 0 ? 0 : cells[last * ROW + MESSAGE + 1]
    const column = bytes.subarray(0, end)
    let at = count === 0 ? 0 : cells[MESSAGE]
    while (row < count) {
      const hit = column.indexOf(needle, at)
      if (hit < 0) break
      row = rowAt(cells, row, count, hit)
      const messageEnd = cells[row * ROW + MESSAGE + 1]
      if (hit + needle.length > messageEnd) {
        at = hit + 1
        continue
      }
      if (open[row] !== 0) this.#rows[kept++] = row
      at = messageEnd
      row += 1
    }
    return kept
  }
}

/** The last row from `row` on whose message begins at or before byte `at`. Messages ascend. */
function rowAt(cells: Int32Array, row: number, count: number, at: number): number {
  let low = row
  let high = count - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (cells[middle * ROW + MESSAGE] <= at) low = middle
    else high = middle - 1
  }
  return low
}

const SPACE = 0x20
const COLON = 0x3a
const OPEN = 0x5b
const CLOSE = 0x5d

/** What stands between the parts of a line's head is no help where a needle begins with it. */
function withoutSeparatorsBefore(needle: Buffer): Buffer | undefined {
  let start = 0
  while (start < needle.length && [SPACE, COLON, OPEN, CLOSE].includes(needle[start])) start += 1
  return start === needle.length ? undefined : needle.subarray(start)
}

/**
 * Whether a needle can begin in a line's head, `host program[pid]: ` or `host `, and be there or go on in the message.
 * Looks at each distinct host, program and pid range once.
 */
function headMayHold({ bytes, count, table }: Rows, needle: Buffer): boolean {
  const { cells } = table
  const hosts = new Set<number>()
  const programs = new Set<number>()
  for (let i = 0; i < count; i += 1) {
    const cell = i * ROW
    const host = cells[cell + HOST]
    if (!hosts.has(host)) {
      hosts.add(host)
      if (partMayHold(bytes.subarray(host, cells[cell + HOST + 1]), needle, followsHost)) return true
    }
    const program = cells[cell + PROGRAM]
    const programEnd = cells[cell + PROGRAM + 1]
    if (programEnd > program && !programs.has(program)) {
      programs.add(program)
      if (partMayHold(bytes.subarray(program, programEnd), needle, followsProgram)) return true
    }
    const pid = cells[cell + PID]
    const pidEnd = cells[cell + PID + 1]
    if (pidEnd > pid && pidMayHold(bytes, pid, pidEnd, needle)) return true
  }
  return false
}

const followsHost = (byte: number) => byte === SPACE
const followsProgram = (byte: number) => byte === OPEN || byte === COLON

/** Whether the needle is in the part, or begins in it and goes on with what follows the part. */
function partMayHold(part: Buffer, needle: Buffer, follows: (byte: number) => boolean): boolean {
  if (part.includes(needle)) return true
  for (let taken = Math.min(part.length, needle.length - 1); taken > 0; taken -= 1) {
    if (follows(needle[taken]) && part.compare(needle, 0, taken, part.length - taken) === 0) return true
  }
  return false
}

/** The same of a pid, without making anything: every row has its own. */
function pidMayHold(bytes: Buffer, pid: number, pidEnd: number, needle: Buffer): boolean {
  for (let start = pid; start < pidEnd; start += 1) {
    let same = 0
    while (start + same < pidEnd && same < needle.length && bytes[start + same] === needle[same]) same += 1
    if (same === needle.length || (start + same === pidEnd && needle[same] === CLOSE)) return true
  }
  return false
}
