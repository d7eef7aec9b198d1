// Splits the bytes of a file into messages: bounds in the slab, and where each message ends in the file. Nothing is copied.

import type { DiskFile } from '../../common/disk.ts'
import { newlineAt, type Scannable } from '../../common/framing/scan.ts'
import { grown } from '../../common/grown.ts'
import { readFully } from '../../common/read-fully.ts'
import type { MessageStart } from './message-start.ts'

const LF = 0x0a
const CR = 0x0d

/** After a message of the greatest length, this many more bytes are read to tell whether the next line continues it. */
export const TELLING_BYTES = 64 * 1024

/** The messages found in a piece of a file. Each call of `split` overwrites them: copy what is needed for longer. */
export class Lines {
  /** Message i is `[bounds[2i], bounds[2i+1])` of the slab. */
  bounds = new Uint32Array(8192)
  /** Offset from the start of the piece to the end of message i, its newline included. */
  ends = new Uint32Array(4096)
  count = 0
  /** Number of bytes that were split; the rest of the piece is an incomplete line or group. */
  consumed = 0
  /** Splitting stopped at a line or group that is longer than a message may be: it is to be delivered in pieces. */
  stoppedAtLong = false

  /**
   * Splits `[start, end)`. `whole` says that nothing will follow: a last line without a newline is delivered, and so is an
   * incomplete group of lines. Empty lines are skipped.
   */
  split(
    source: Scannable,
    start: number,
    end: number,
    bytesMax: number,
    whole: boolean,
    multiline?: MessageStart,
  ): void {
    this.count = 0
    this.consumed = 0
    this.stoppedAtLong = false
    if (multiline) this.#groups(source, start, end, bytesMax, whole, multiline)
    else this.#lines(source, start, end, bytesMax, whole)
  }

  #lines(source: Scannable, start: number, end: number, bytesMax: number, whole: boolean): void {
    const { bytes } = source
    let at = start
    while (at < end) {
      const stop = newlineAt(source, at, end)
      if (stop - at > bytesMax && textEnd(bytes, at, stop) - at > bytesMax) {
        this.stoppedAtLong = true
        break
      }
      if (stop === end && !whole) break
      const next = Math.min(stop + 1, end)
      this.#add(bytes, at, stop, next - start)
      at = next
    }
    this.consumed = at - start
  }

  // A group is known to be complete when the next message begins, and by some rules earlier.
  #groups(
    source: Scannable,
    start: number,
    end: number,
    bytesMax: number,
    whole: boolean,
    multiline: MessageStart,
  ): void {
    const bytes = source.bytes as Buffer
    let group = start
    let groupEnd = start
    let previous = start
    let previousEnd = start
    let at = start
    while (at < end) {
      const stop = newlineAt(source, at, end)
      if (stop === end && !whole) {
        if (at > group) {
          if (end - group <= bytesMax + TELLING_BYTES) break
          // Group and line together are too long: the part of the line that is there tells whether it continues the group.
          if (multiline.begins(bytes, at, end, group)) {
            this.#add(bytes, group, groupEnd, at - start)
            group = at
          }
        }
        this.stoppedAtLong = textEnd(bytes, at, end) - group > bytesMax
        break
      }
      const lineStop = textEnd(bytes, at, stop)
      if (at > group && multiline.begins(bytes, at, lineStop, group)) {
        this.#add(bytes, group, groupEnd, at - start)
        group = at
      }
      if (lineStop - group > bytesMax) {
        this.stoppedAtLong = true
        break
      }
      previous = at
      previousEnd = lineStop
      groupEnd = stop
      at = Math.min(stop + 1, end)
    }
    const isOver = whole || (multiline.ends?.(bytes, previous, previousEnd) ?? false)
    if (isOver && !this.stoppedAtLong && at > group) {
      this.#add(bytes, group, groupEnd, at - start)
      group = at
    }
    this.consumed = group - start
  }

  #add(bytes: Uint8Array, start: number, end: number, consumed: number): void {
    while (end > start && (bytes[end - 1] === CR || bytes[end - 1] === LF)) end -= 1
    // Empty lines before an indented one are not part of its message.
    while (end > start && (bytes[start] === CR || bytes[start] === LF)) start += 1
    if (end === start) return
    const i = this.count
    if (2 * i + 2 > this.bounds.length) {
      this.bounds = grown(this.bounds)
      this.ends = grown(this.ends)
    }
    this.bounds[2 * i] = start
    this.bounds[2 * i + 1] = end
    this.ends[i] = consumed
    this.count = i + 1
  }
}

/** The end of the text of a line whose newline is at `stop` or not there yet. A carriage return is part of the newline. */
function textEnd(bytes: Uint8Array, start: number, stop: number): number {
  return stop > start && bytes[stop - 1] === CR ? stop - 1 : stop
}

const LOOK_BACK_BYTES = 64 * 1024

/**
 * The offset at which the last, incomplete line of a file begins: with `read_from: end`, that line is new once it is complete.
 * Returns `size` if the line is longer than `bytesMax`.
 */
export async function lineStart(file: DiskFile, size: number, bytesMax: number): Promise<number> {
  for (let end = size; size - end < bytesMax; end -= LOOK_BACK_BYTES) {
    const from = Math.max(0, end - LOOK_BACK_BYTES)
    const newline = (await readFully(file, from, end - from)).lastIndexOf(LF)
    if (newline >= 0) return from + newline + 1
    if (from === 0) return 0
  }
  return size
}
