// Splits a message longer than `max_message` into pieces. Each piece is a message of its own, with the header of the
// original and a structured data element that names the original message and the number of the piece:
//
//   <134>1 2026-11-20T10:00:00.123456+01:00 web-1 app 77 - [chunk@32473 id="9f…" part="2"] …the text goes on
//
// The concatenated texts of all pieces are the text of the original: nothing is cut off, and no character is split.
// (32473 is the enterprise number that RFC 5612 reserves for examples.)

import { MESSAGE, newHeaderTable, STRUCTURED_DATA } from '../pipeline/header-table.ts'
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

  /**
   * `first` is the beginning of the message as received, with its header; `received` is in µs since the epoch; `id`
   * names the message.
   */
  constructor(first: Uint8Array, origin: Origin, received: number, id: string) {
    const { head, textStart } = headOf(first, origin, received)
    this.#head = head
    this.#headBytes = head.length + ELEMENT_BYTES
    this.#id = id
    this.#textStart = textStart
  }

  /**
   * How many bytes of the message the next piece may take. With its header it is then no longer than
   * `messageBytesMax`, and the next sluice on the path, with the same limit, does not split it again. A long header
   * still leaves half of the limit for text; otherwise the total size could grow many times over.
   */
  bytesMax(messageBytesMax: number): number {
    const room = Math.max(messageBytesMax >> 1, messageBytesMax - this.#headBytes)
    return this.#part === 0 ? Math.min(messageBytesMax, this.#textStart + room) : room
  }

  /** Builds the next piece, with its header, from `[start, end)` of `bytes`. Returns it as a buffer and a range in that buffer. */
  piece(bytes: Uint8Array, start: number, end: number): [bytes: Buffer, start: number, end: number] {
    this.#part += 1
    const from = this.#part === 1 ? start + this.#textStart : start
    const element = Buffer.from(`[chunk@32473 id="${this.#id}" part="${this.#part}"] `)
    const piece = Buffer.concat([this.#head, element, bytes.subarray(from, end)])
    return [piece, 0, piece.length]
  }
}

// Maximum size of `[chunk@32473 id="…" part="…"] `, with an id of 32 characters and a part of up to ten digits.
const ELEMENT_BYTES = 72

/**
 * Returns the RFC 5424 header up to the position of the chunk's element, and the offset at which the text begins in
 * the first piece.
 */
function headOf(first: Uint8Array, origin: Origin, received: number): { head: Buffer; textStart: number } {
  const slab = new Slab(new SlabPool(), Buffer.from(first))
  const headers = newHeaderTable(1)
  const bounds = Uint32Array.of(0, first.length)
  const run = { count: 1, origin }
  const batch: Batch = { slab, bounds, count: 1, received, runs: [run], headers }
  parseHeaders(batch, headers)
  const textStart = headers.cells[MESSAGE]
  headers.cells[MESSAGE + 1] = textStart
  const output = new Output(Buffer.alloc(1024))
  writeRfc5424(batch, 0, run, output, true)
  // Without structured data, the element replaces the `-`.
  const hasData = headers.cells[STRUCTURED_DATA + 1] > headers.cells[STRUCTURED_DATA]
  return { head: output.written.subarray(0, hasData ? undefined : -1), textStart }
}

/** The largest length up to `length` that does not split a UTF-8 character. */
export function textBoundary(bytes: Uint8Array, length: number): number {
  let at = length
  // A character has at most three bytes after its first.
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
