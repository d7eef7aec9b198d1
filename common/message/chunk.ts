// A message over `max_message` comes out in pieces. Each piece is a message of its own, with the header of the whole and a
// structured data element that says which piece of which message it is:
//
//   <134>1 2026-11-20T10:00:00.123456+01:00 web-1 app 77 - [chunk@32473 id="9f…" part="2"] …the text goes on
//
// The texts of all pieces joined are the text of the message: nothing is cut off, and no character is cut in two.
// (32473 is the enterprise number that RFC 5612 reserves for examples; it is nobody's.)

import { MESSAGE, STRUCTURED_DATA, takeHeaderTable } from '../pipeline/header-table.ts'
import type { Batch, Origin } from '../pipeline/batch.ts'
import { Slab, SlabPool } from '../pipeline/slab.ts'
import { defectBit } from './defects.ts'
import { writeRfc5424 } from './line-format.ts'
import { Output } from './output.ts'
import { parseHeaders } from './parse.ts'

/** The pieces of one message. */
export class MessageChunks {
  /** The defect that every piece carries. */
  readonly mark = defectBit('MESSAGE_CHUNKED')
  readonly #head: Buffer
  readonly #headBytes: number
  readonly #id: string
  readonly #textStart: number
  #part = 0

  /** `first` is the first piece as it came, with the header; `received` is in µs since the epoch. */
  constructor(first: Uint8Array, origin: Origin, received: number, id: string) {
    const { head, textStart } = headOf(first, origin, received)
    this.#head = head
    this.#headBytes = head.length + ELEMENT_BYTES
    this.#id = id
    this.#textStart = textStart
  }

  /**
   * How many bytes of the message the next piece may take: with its header it is then no longer than a message, and the next
   * sluice on the way, which has the same bound, does not cut it into pieces of a piece. Where the header is long, half of the
   * room is the text's all the same: else a message would become many times as long as it is.
   */
  bytesMax(messageBytesMax: number): number {
    const room = Math.max(messageBytesMax >> 1, messageBytesMax - this.#headBytes)
    return this.#part === 0 ? Math.min(messageBytesMax, this.#textStart + room) : room
  }

  /** The next piece, with its header, from `[start, end)` of the message: bytes and their range. */
  piece(bytes: Uint8Array, start: number, end: number): [bytes: Buffer, start: number, end: number] {
    this.#part += 1
    const from = this.#part === 1 ? start + this.#textStart : start
    const element = Buffer.from(`[chunk@32473 id="${this.#id}" part="${this.#part}"] `)
    const piece = Buffer.concat([this.#head, element, bytes.subarray(from, end)])
    return [piece, 0, piece.length]
  }
}

// At the most: `[chunk@32473 id="…" part="…"] ` with an id of 32 characters, and a part of up to ten digits.
const ELEMENT_BYTES = 72

/** The RFC 5424 header up to where the chunk's element goes, and where the text begins in the first piece. */
function headOf(first: Uint8Array, origin: Origin, received: number): { head: Buffer; textStart: number } {
  const slab = new Slab(new SlabPool(), Buffer.from(first))
  const headers = takeHeaderTable(1)
  const bounds = Uint32Array.of(0, first.length)
  const batch: Batch = { slab, bounds, count: 1, received, runs: [{ count: 1, origin }], headers }
  parseHeaders(batch, headers)
  const textStart = headers.cells[MESSAGE]
  headers.cells[MESSAGE + 1] = textStart
  const output = new Output(Buffer.alloc(1024))
  writeRfc5424(batch, 0, origin, output, true)
  // The element takes the place of the `-` that stands for no structured data.
  const hasData = headers.cells[STRUCTURED_DATA + 1] > headers.cells[STRUCTURED_DATA]
  return { head: output.written.subarray(0, hasData ? undefined : -1), textStart }
}

/** The largest length up to `length` that does not cut a UTF-8 character in two. */
export function textBoundary(bytes: Uint8Array, length: number): number {
  let at = length
  // A character has at most three bytes behind its first.
  for (let back = 0; back < 4 && at > 0; back += 1) {
    const byte = bytes[at - 1]
    if (byte < 0x80) return at
    at -= 1
    if (byte >= 0xc0) return at + characterBytes(byte) <= length ? length : at > 0 ? at : length
  }
  return length
}

function characterBytes(first: number): number {
  return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
}
