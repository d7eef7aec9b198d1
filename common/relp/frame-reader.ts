// Reads RELP frames from chunks that may be cut anywhere (librelp's protocol description, "RELP frame").
//
//   17 syslog 26 <13>Nov 20 10:00:00 a b: c⏎        TXNR SP COMMAND SP DATALEN SP DATA LF
//   18 close 0⏎                                     without data there is no second space
//
//   TXNR     1 to 9 digits     COMMAND  1 to 32 letters     DATALEN  1 to 9 digits
//
// The reader is pull-based, so that its owner can stop between two frames. A frame that lies completely in a chunk is
// returned in place; only a half frame is copied, and memory for it grows with the bytes that have arrived, never
// with the announced length. The data of `syslog` is unbounded: a longer message is returned in parts. The data of
// any other command is bounded (`RELP_FRAME_BYTES_MAX`).

import { RELP_FRAME_BYTES_MAX } from '../limits.ts'

const LF = 0x0a
const SPACE = 0x20
const ZERO = 0x30
const DIGITS_MAX = 9
const COMMAND_BYTES_MAX = 32
// TXNR, COMMAND and DATALEN at their maximum lengths, with their separators.
const HEAD_BYTES_MAX = DIGITS_MAX + 1 + COMMAND_BYTES_MAX + 1 + DIGITS_MAX + 1
const HELD_BYTES_FIRST = 1024

// Between two sluices nearly every frame is held for a moment. Allocating memory for each produced 130 KB of garbage
// per frame, and cost a fifth of a server's CPU. So readers share spare buffers: what one releases the next one
// takes, and a quiet connection holds none.
const SPARE_BYTES = 128 * 1024
const SPARE_MAX = 8
const spare: Buffer[] = []

const MORE = -1
const MALFORMED = -2

/** Frequent commands, which are recognised without creating a string for each frame. */
const common = ['syslog', 'rsp', 'batch'].map((name) => ({ name, bytes: Buffer.from(name) }))

export type FrameStep = 'frame' | 'more' | 'malformed'

export class FrameReader {
  /** The current frame. Its data is `[start, end)` of `bytes`, until the next call of `next`. `txnr` is 0 if a malformed frame has none. */
  txnr = 0
  command = ''
  bytes: Buffer = empty
  start = 0
  end = 0
  /** DATALEN: bytes of the whole frame's data. */
  length = 0
  /** Whether this part of a long message is the first, or the last. A whole frame is both. */
  first = true
  last = true

  readonly #partBytes: number
  #chunk: Buffer = empty
  #at = 0
  /** The half frame: its head so far or, once the head has been read, its data since the last part that was returned. */
  #held: Buffer = empty
  #heldLength = 0
  /** Bytes of the current frame's data that have not been returned, once its head has been read. */
  #left = 0
  #inData = false
  #broken = false

  /** The data of a `syslog` command longer than `partBytes` is returned in parts of that size, and a last one with the rest. */
  constructor(partBytes: number) {
    this.#partBytes = partBytes
  }

  /** Bytes of memory that the half frame occupies. */
  get heldBytes(): number {
    return this.#held.length
  }

  /** Appends bytes to those not yet read. The reader uses their memory until `next` returns `more` or `keep` is called. */
  feed(chunk: Buffer): void {
    if (this.#at < this.#chunk.length) chunk = Buffer.concat([this.#chunk.subarray(this.#at), chunk])
    this.#chunk = chunk
    this.#at = 0
  }

  /** Copies the unread rest of the last chunk, whose memory the caller is about to reuse. */
  keep(): void {
    this.#chunk = Buffer.from(this.#chunk.subarray(this.#at))
    this.#at = 0
  }

  /** Makes `next` return the current frame again. */
  putBack(): void {
    const length = this.end - this.start
    if (this.bytes === this.#chunk) this.#at = this.start
    else this.#heldLength = this.last ? length + 1 : length
    this.#left += length
    this.#inData = true
  }

  /**
   * Reads the next frame, or a part of one. `more`: no complete one is available. `malformed`: the input is invalid,
   * and reading cannot continue.
   */
  next(): FrameStep {
    if (this.#broken) return 'malformed'
    this.#letGo()
    const step = this.#inData ? this.#data() : this.#head()
    if (step === 'malformed') this.#broken = true
    return step
  }

  #head(): FrameStep {
    // A head that began in an earlier chunk is completed in a copy, byte by byte: it is short.
    const chunk = this.#chunk
    if (this.#heldLength === 0) {
      const dataAt = this.#readHead(chunk, this.#at, chunk.length)
      if (dataAt === MALFORMED) return 'malformed'
      if (dataAt === MORE) return this.#hold(chunk.length - this.#at)
      this.#at = dataAt
      return this.#data()
    }
    while (this.#at < chunk.length) {
      this.#copy(1)
      const dataAt = this.#readHead(this.#held, 0, this.#heldLength)
      if (dataAt === MALFORMED) return 'malformed'
      if (dataAt === MORE) continue
      this.#heldLength = 0
      return this.#data()
    }
    return 'more'
  }

  /** Reads a head that begins at `at`. Returns where its data begins, or the position of the LF if there is no data. */
  #readHead(bytes: Buffer, at: number, end: number): number {
    const stop = Math.min(end, at + HEAD_BYTES_MAX)
    const short = end - at >= HEAD_BYTES_MAX ? MALFORMED : MORE
    this.txnr = 0
    const txnrEnd = digitsEnd(bytes, at, stop)
    if (txnrEnd === MALFORMED || txnrEnd === at) return at === stop ? MORE : MALFORMED
    if (txnrEnd === stop) return short
    if (bytes[txnrEnd] !== SPACE) return MALFORMED
    this.txnr = numberOf(bytes, at, txnrEnd)
    const commandAt = txnrEnd + 1
    let commandEnd = commandAt
    while (commandEnd < stop && isLetter(bytes[commandEnd])) commandEnd += 1
    if (commandEnd - commandAt > COMMAND_BYTES_MAX) return MALFORMED
    if (commandEnd === stop) return short
    if (commandEnd === commandAt || bytes[commandEnd] !== SPACE) return MALFORMED
    const lengthAt = commandEnd + 1
    const lengthEnd = digitsEnd(bytes, lengthAt, stop)
    if (lengthEnd === MALFORMED) return MALFORMED
    if (lengthEnd === stop) return short
    const length = numberOf(bytes, lengthAt, lengthEnd)
    const separator = bytes[lengthEnd]
    if (lengthEnd === lengthAt || (separator !== SPACE && (separator !== LF || length > 0))) return MALFORMED
    this.command = commandAs(bytes, commandAt, commandEnd)
    this.length = length
    this.#left = length
    this.#inData = true
    this.first = true
    if (length > RELP_FRAME_BYTES_MAX && this.command !== 'syslog') return MALFORMED
    // Without data the LF takes the place of the space, and is left unread as the end of the frame. If the head was
    // read from a copy, the LF was the last byte copied, so it is returned to the chunk.
    if (separator === SPACE) return lengthEnd + 1
    if (bytes === this.#held) this.#at -= 1
    return lengthEnd
  }

  #data(): FrameStep {
    const inParts = this.command === 'syslog' && this.#left > this.#partBytes
    const length = inParts ? this.#partBytes : this.#left
    const wanted = inParts ? length : length + 1
    const available = this.#chunk.length - this.#at
    if (this.#heldLength + available < wanted) return this.#hold(available)
    if (this.#heldLength === 0) {
      this.bytes = this.#chunk
      this.start = this.#at
      this.#at += wanted
    } else {
      this.#copy(wanted - this.#heldLength)
      this.bytes = this.#held
      this.start = 0
      this.#heldLength = 0
    }
    this.end = this.start + length
    if (!inParts && this.bytes[this.end] !== LF) return 'malformed'
    this.first = this.#left === this.length
    this.#left -= length
    this.last = !inParts
    this.#inData = inParts
    return 'frame'
  }

  #hold(count: number): FrameStep {
    this.#copy(count)
    this.#chunk = empty
    this.#at = 0
    return 'more'
  }

  /** Moves `count` bytes from the chunk to the end of the half frame. */
  #copy(count: number): void {
    if (count === 0) return
    const needed = this.#heldLength + count
    if (needed > this.#held.length) {
      const larger = heldBuffer(needed, this.#held.length)
      larger.set(this.#held.subarray(0, this.#heldLength))
      this.#release()
      this.#held = larger
    }
    this.#held.set(this.#chunk.subarray(this.#at, this.#at + count), this.#heldLength)
    this.#heldLength = needed
    this.#at += count
  }

  // The last returned frame may lie in the held buffer, which can be released only now.
  #letGo(): void {
    this.bytes = empty
    if (this.#heldLength > 0) return
    this.#release()
    this.#held = empty
  }

  #release(): void {
    if (this.#held.length === SPARE_BYTES && spare.length < SPARE_MAX) spare.push(this.#held)
  }
}

const empty = Buffer.alloc(0)

/** A buffer for at least `bytes`, and at least twice as large as `before`, so that the cost of growing is amortised. */
function heldBuffer(bytes: number, before: number): Buffer {
  let size = Math.max(HELD_BYTES_FIRST, before)
  while (size < bytes) size *= 2
  if (size > SPARE_BYTES / 4 && size <= SPARE_BYTES) return spare.pop() ?? Buffer.allocUnsafeSlow(SPARE_BYTES)
  return Buffer.allocUnsafeSlow(size)
}

function digitsEnd(bytes: Buffer, at: number, stop: number): number {
  let end = at
  while (end < stop && bytes[end] >= ZERO && bytes[end] <= ZERO + 9) end += 1
  return end - at > DIGITS_MAX ? MALFORMED : end
}

function numberOf(bytes: Buffer, at: number, end: number): number {
  let value = 0
  for (let i = at; i < end; i += 1) value = 10 * value + bytes[i] - ZERO
  return value
}

function commandAs(bytes: Buffer, at: number, end: number): string {
  for (const { name, bytes: known } of common) {
    if (known.length !== end - at) continue
    let i = 0
    while (i < known.length && known[i] === bytes[at + i]) i += 1
    if (i === known.length) return name
  }
  return bytes.toString('latin1', at, end)
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x7a
}
