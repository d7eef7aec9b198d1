// Lines of a file's bytes as messages: bounds in the slab, and where each ends in the file. Nothing is copied.

import type { DiskFile } from '../../common/disk.ts'
import { newlineAt, type Scannable } from '../../common/framing/scan.ts'
import { grown } from '../../common/grown.ts'
import { readFully } from './fingerprint.ts'
import type { MessageStart } from './message-start.ts'

const LF = 0x0a
const CR = 0x0d

/** Behind a message of the greatest length, so many bytes more tell whether the next line goes on with it. */
export const TELLING_BYTES = 64 * 1024

/** What was found in a piece of a file. Reused from call to call: copy what must live longer. */
export class Lines {
  /** Message i is `[bounds[2i], bounds[2i+1])` of the slab. */
  bounds = new Uint32Array(8192)
  /** Where message i ends, counted from where the piece began. */
  ends = new Uint32Array(4096)
  count = 0
  /** How much of the piece is done with: the rest is a line, or a message, that goes on. */
  consumed = 0
  /** What follows is longer than a message may be: it comes out in pieces. */
  stoppedAtLong = false

  /**
   * Splits `[start, end)`. `whole` says that nothing will follow: the last line is delivered without a newline, and an open
   * group of lines as it is. Empty lines are no messages.
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

  // A group is open until the next message begins: only then is it known to be whole.
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
          // Together they are too long: what there is of the line tells whether it goes on with the group.
          if (multiline.begins(bytes, at, end, previous, previousEnd)) {
            this.#add(bytes, group, groupEnd, at - start)
            group = at
          }
        }
        this.stoppedAtLong = textEnd(bytes, at, end) - group > bytesMax
        break
      }
      const lineStop = textEnd(bytes, at, stop)
      if (at > group && multiline.begins(bytes, at, lineStop, previous, previousEnd)) {
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
    if (whole && !this.stoppedAtLong && at > group) {
      this.#add(bytes, group, groupEnd, at - start)
      group = at
    }
    this.consumed = group - start
  }

  #add(bytes: Uint8Array, start: number, end: number, consumed: number): void {
    while (end > start && (bytes[end - 1] === CR || bytes[end - 1] === LF)) end -= 1
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

/** Where the text of a line ends whose newline is at `stop`, or has not come yet: a carriage return is part of the newline. */
function textEnd(bytes: Uint8Array, start: number, stop: number): number {
  return stop > start && bytes[stop - 1] === CR ? stop - 1 : stop
}

const LOOK_BACK_BYTES = 64 * 1024

/** Where the last line begins that is not whole yet: it is new when it is finished. `size` where it is longer than `bytesMax`. */
export async function lineStart(file: DiskFile, size: number, bytesMax: number): Promise<number> {
  for (let end = size; size - end < bytesMax; end -= LOOK_BACK_BYTES) {
    const from = Math.max(0, end - LOOK_BACK_BYTES)
    const newline = (await readFully(file, from, end - from)).lastIndexOf(LF)
    if (newline >= 0) return from + newline + 1
    if (from === 0) return 0
  }
  return size
}
