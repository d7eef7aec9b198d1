// Encodes messages for the wire: RFC 6587 octet counting or newline framing on streams, RELP commands, one message per datagram.
//
// The default format is `received`: a message is sent byte for byte as it was received. A message without a header gets one, since
// the next hop cannot know where it came from:
//
//   GET /index.html 200               →  <134>1 2026-11-20T10:00:00.123456+01:00 web-1 nginx - - GET /index.html 200
//   Oct 11 22:14:15 web-1 su: hello   →  <38>Oct 11 22:14:15 web-1 su: hello       (a line of a file that has a syslog header)
//   <38>Oct 11 22:14:15 su: hello     →  <38>Oct 11 22:14:15 web-1 su: hello       (a message of a program to /dev/log)

import { MessageChunks, textBoundary } from '../../common/message/chunk.ts'
import { headersOf } from '../../common/message/headers.ts'
import { lineFormat, writeRfc5424, type LineFormat, type LineFormatName } from '../../common/message/line-format.ts'
import { Output } from '../../common/message/output.ts'
import { priorityAt } from '../../common/message/parse.ts'
import { receivedOf, type Batch, type Origin, type Run } from '../../common/pipeline/batch.ts'
import {
  FORMAT_MASK,
  FORMAT_RAW,
  FORMAT_RFC3164,
  HOST,
  KIND,
  PRIORITY,
  ROW,
  TIME,
} from '../../common/pipeline/header-table.ts'
import { newId, type Random } from '../../common/random.ts'

/** How messages are delimited on a stream: octet counting (RFC 6587 §3.4.1), or a newline after each message (§3.4.2). */
export type Framing = 'octet' | 'newline'
/** `received` sends messages as they were received, with a header if they have none; the others are in `line-format.ts`. */
export type WireFormat = 'received' | LineFormatName

const SPACE = 0x20
const NEWLINE = 0x0a
const SYSLOG_COMMAND = Buffer.from(' syslog ')
const LESS = 0x3c
const GREATER = 0x3e

// A larger buffer was allocated for one huge message, and is not kept.
const SPARE_BYTES_MAX = 1024 * 1024
const SPARE_MAX = 8

// More than the largest `max_message`, and less than a RELP frame can hold.
const KNOWN_BYTES_MAX = 20 * 1024 * 1024

export class WireEncoder {
  readonly #framing: Framing
  /** Undefined for `received`. */
  readonly #format: LineFormat | undefined
  readonly #isRaw: boolean
  readonly #random: Random
  #output = new Output()
  #spare: Buffer[] = []
  readonly #one = new Output(Buffer.allocUnsafeSlow(4096))
  #at = 0

  constructor(format: WireFormat, framing: Framing, random: Random) {
    this.#framing = framing
    this.#format = format === 'received' ? undefined : lineFormat(format)
    this.#isRaw = format === 'raw'
    this.#random = random
  }

  /** Bytes added since the last `take`. */
  get length(): number {
    return this.#output.length
  }

  /** Adds all messages of a batch, framed. */
  add(batch: Batch): void {
    let i = 0
    for (const run of batch.runs) {
      for (const last = i + run.count; i < last; i += 1) {
        if (this.#framing === 'octet') this.#addCounted(this.#output, batch, i, run)
        else this.#addLine(batch, i, run)
      }
    }
  }

  /** Returns the bytes that were added. The caller owns their memory until `giveBack`. */
  take(): Buffer {
    const { written } = this.#output
    this.#output = new Output(this.#spare.pop())
    return written
  }

  /** Returns memory from `take` for reuse. */
  giveBack(taken: Buffer): void {
    if (this.#spare.length >= SPARE_MAX || taken.buffer.byteLength > SPARE_BYTES_MAX) return
    this.#spare.push(Buffer.from(taken.buffer))
  }

  /** Index in its batch of the message that the last result of `datagrams` belongs to. */
  get at(): number {
    return this.#at
  }

  /**
   * Yields each message as one datagram, or in pieces if it is longer than `bytesMax` (`message/chunk.ts`). Each buffer is valid until
   * the next one.
   */
  *datagrams(batch: Batch, bytesMax: number): Generator<Buffer> {
    let i = 0
    for (const run of batch.runs) {
      for (const last = i + run.count; i < last; i += 1) {
        this.#one.clear()
        this.#at = i
        this.#write(batch, i, run, this.#one, false)
        const { written } = this.#one
        if (written.length <= bytesMax) yield written
        else yield* this.#pieces(written, run.origin, receivedOf(batch, run), bytesMax)
      }
    }
  }

  /** Adds message i of a batch to `output` as a RELP `syslog` command. */
  addCommand(output: Output, batch: Batch, i: number, run: Run, txnr: number): void {
    output.number(txnr)
    output.fixed(SYSLOG_COMMAND)
    // DATALEN, a space and DATA look just like an octet-counted message, except that an empty one has no space after DATALEN.
    if (this.#addCounted(output, batch, i, run) === 0) output.length -= 1
    output.byte(NEWLINE)
  }

  /**
   * Adds message i of a batch to `output`, octet counted, for another sluice. That one is told separately who sent it, so a message
   * without a header needs none.
   */
  addKnown(output: Output, batch: Batch, i: number, run: Run): void {
    if (!this.#format) return void addRaw(output, batch, i)
    const before = output.length
    this.#addCounted(output, batch, i, run)
    // A format may make a huge message so much longer that no frame can hold it. As it was received it fits.
    if (output.length - before <= KNOWN_BYTES_MAX) return
    output.length = before
    addRaw(output, batch, i)
  }

  /** Whether messages are sent to another sluice byte for byte as they were received. */
  get asReceived(): boolean {
    return this.#format === undefined
  }

  /** Adds message i, octet counted. Returns its length in bytes, without the count. */
  #addCounted(output: Output, batch: Batch, i: number, run: Run): number {
    // Most messages are sent as they were received, so their length is known before they are written.
    if (!this.#format && isWhole(batch, i, run)) return addRaw(output, batch, i)
    const one = this.#one
    one.clear()
    this.#write(batch, i, run, one, false)
    output.number(one.length)
    output.byte(SPACE)
    output.fixed(one.written)
    return one.length
  }

  #addLine(batch: Batch, i: number, run: Run): void {
    const output = this.#output
    // The format `raw` leaves a newline in a message as it is, which would end the frame: `line` escapes it.
    if (this.#isRaw || (!this.#format && isWhole(batch, i, run)))
      output.line(batch.slab, batch.bounds[2 * i], batch.bounds[2 * i + 1])
    else this.#write(batch, i, run, output, true)
    output.byte(NEWLINE)
  }

  /** Writes one message without framing; `escaped` if a newline in it would end the frame. */
  #write(batch: Batch, i: number, run: Run, output: Output, escaped: boolean): void {
    if (this.#format) return this.#format.write(batch, i, run, output)
    if (run.origin.lines === 'local') return this.#writeLocal(batch, i, run, output, escaped)
    const start = batch.bounds[2 * i]
    const end = batch.bounds[2 * i + 1]
    if (!hasPriority(batch, i)) {
      const { cells } = headersOf(batch)
      const row = i * ROW
      if ((cells[row + KIND] & FORMAT_MASK) === FORMAT_RAW) return writeRfc5424(batch, i, run, output, escaped)
      // The header lacks only its PRI, which a line of a file gets. A message received without a PRI over the network is sent without.
      if (run.origin.lines === 'text') writePriority(cells[row + PRIORITY], output)
    }
    if (escaped) output.line(batch.slab, start, end)
    else output.raw(batch.slab, start, end)
  }

  /** Writes a message of a local socket, with the host name added, since the next hop cannot know which machine sent it. */
  #writeLocal(batch: Batch, i: number, run: Run, output: Output, escaped: boolean): void {
    const { slab, bounds } = batch
    const { cells } = headersOf(batch)
    const row = i * ROW
    const start = bounds[2 * i]
    const end = bounds[2 * i + 1]
    const timeEnd = cells[row + TIME + 1]
    const isNamed = cells[row + HOST + 1] > cells[row + HOST]
    const isDated = (cells[row + KIND] & FORMAT_MASK) === FORMAT_RFC3164 && timeEnd > cells[row + TIME]
    if (!isNamed && !isDated) return writeRfc5424(batch, i, run, output, escaped)
    if (!hasPriority(batch, i)) writePriority(cells[row + PRIORITY], output)
    const write = (from: number, to: number) => (escaped ? output.line(slab, from, to) : output.raw(slab, from, to))
    if (isNamed) return write(start, end)
    write(start, timeEnd)
    output.byte(SPACE)
    output.word(run.origin.host)
    write(timeEnd, end)
  }

  *#pieces(message: Buffer, origin: Origin, received: number, bytesMax: number): Generator<Buffer> {
    const id = newId(this.#random)
    let chunks: MessageChunks | undefined
    for (let at = 0; at < message.length;) {
      const rest = message.subarray(at)
      chunks ??= new MessageChunks(rest.subarray(0, bytesMax), origin, received, id)
      const textMax = chunks.bytesMax(bytesMax)
      const length = rest.length <= textMax ? rest.length : textBoundary(rest, textMax)
      yield chunks.piece(rest, 0, length)[0]
      at += length
    }
  }
}

function addRaw(output: Output, { slab, bounds }: Batch, i: number): number {
  const start = bounds[2 * i]
  const end = bounds[2 * i + 1]
  output.number(end - start)
  output.byte(SPACE)
  output.raw(slab, start, end)
  return end - start
}

/** Whether a message is sent as it was received. Most are, and their headers need not be parsed. */
function isWhole(batch: Batch, i: number, { origin }: Run): boolean {
  return origin.lines !== 'local' && hasPriority(batch, i)
}

function hasPriority({ slab, bounds }: Batch, i: number): boolean {
  return priorityAt(slab.bytes, bounds[2 * i], bounds[2 * i + 1]) >= 0
}

function writePriority(priority: number, output: Output): void {
  output.byte(LESS)
  output.number(priority)
  output.byte(GREATER)
}
