// Matches a pattern against the lines of a block.
//
// A line has to be assembled from columns, which costs more than searching for a literal. So if every match of the pattern
// contains some literal (the needle), and the block's hosts and programs rule out that it occurs in the head of a line or across
// the end of the head, the column of messages is searched for it at several GB/s, and only the lines of messages that
// contain it are assembled.

import type { ByteRegex } from '../../common/expression/regex/byte-regex.ts'
import type { Texts } from '../archive/columns.ts'
import { LineBuffer } from './line-buffer.ts'
import type { LineColumns, OpenBlock } from './stored-block.ts'

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

  /** Sets `open[i]` to 0 for each row whose line does not match; if inverted, for each row whose line does. */
  narrow(block: OpenBlock, open: Uint8Array): void {
    const { count, lines } = block
    if (count > this.#rows.length) {
      this.#rows = new Uint32Array(count)
      this.#bounds = new Uint32Array(2 * count)
      this.#matched = new Uint8Array(count)
    }
    const needle = this.#needle
    const kept = needle && !headMayHold(lines, needle) ? this.#holding(lines.messages, open, needle) : this.#all(open)
    this.#lines.clear()
    for (let i = 0; i < kept; i += 1) {
      this.#bounds[2 * i] = this.#lines.length
      this.#lines.add(lines, this.#rows[i])
      this.#bounds[2 * i + 1] = this.#lines.length
    }
    this.#regex.testEach(this.#lines.bytes, this.#bounds, kept, this.#matched)
    if (this.#invert) {
      for (let i = 0; i < kept; i += 1) if (this.#matched[i] !== 0) open[this.#rows[i]] = 0
      return
    }
    open.fill(0)
    for (let i = 0; i < kept; i += 1) open[this.#rows[i]] = this.#matched[i]
  }

  #all(open: Uint8Array): number {
    let kept = 0
    for (let i = 0; i < open.length; i += 1) if (open[i] !== 0) this.#rows[kept++] = i
    return kept
  }

  /** Collects the open rows whose message contains the needle in `#rows`; returns their number. */
  #holding({ bytes, starts }: Texts, open: Uint8Array, needle: Buffer): number {
    let kept = 0
    let row = 0
    for (let at = 0; row < open.length;) {
      const hit = bytes.indexOf(needle, at)
      if (hit < 0) break
      row = textAt(starts, row, open.length, hit)
      const end = starts[row + 1]
      if (hit + needle.length > end) {
        at = hit + 1
        continue
      }
      if (open[row] !== 0) this.#rows[kept++] = row
      at = end
      row += 1
    }
    return kept
  }
}

/** The index of the text that contains byte `at`; a binary search from index `text` on. */
function textAt(starts: Uint32Array, text: number, count: number, at: number): number {
  let low = text
  let high = count - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (starts[middle] <= at) low = middle
    else high = middle - 1
  }
  return low
}

const SPACE = 0x20
const COLON = 0x3a
const OPEN = 0x5b
const CLOSE = 0x5d

/** Strips separators from the start of a needle, since with one it could begin in the head of any line; undefined if nothing is left. */
function withoutSeparatorsBefore(needle: Buffer): Buffer | undefined {
  let start = 0
  while (start < needle.length && [SPACE, COLON, OPEN, CLOSE].includes(needle[start])) start += 1
  return start === needle.length ? undefined : needle.subarray(start)
}

/** Whether a needle may begin in the head of a line (`host program[pid]: ` or `host `), wherever it ends. */
function headMayHold({ hosts, programs, pidTexts }: LineColumns, needle: Buffer): boolean {
  let digits = 0
  while (digits < needle.length && needle[digits] >= 0x30 && needle[digits] <= 0x39) digits += 1
  if (pidTexts.bytes.length > 0 || digits === needle.length || (digits > 0 && needle[digits] === CLOSE)) return true
  return someMayHold(hosts, needle, [SPACE]) || someMayHold(programs, needle, [OPEN, COLON])
}

/** Whether a text contains the needle, or ends with the start of it where the needle goes on with a byte that may follow a text. */
function someMayHold({ bytes, starts }: Texts, needle: Buffer, follow: readonly number[]): boolean {
  if (bytes.includes(needle)) return true
  for (let taken = 1; taken < needle.length; taken += 1) {
    if (!follow.includes(needle[taken])) continue
    for (let text = 1; text < starts.length; text += 1) {
      const from = starts[text] - taken
      if (from >= starts[text - 1] && bytes.compare(needle, 0, taken, from, starts[text]) === 0) return true
    }
  }
  return false
}
