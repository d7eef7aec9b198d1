// RELP frames out of bytes that are cut anywhere (librelp's protocol description, "RELP frame").
//
//   17 syslog 26 <13>Nov 20 10:00:00 a b: c⏎        TXNR SP COMMAND SP DATALEN SP DATA LF
//   18 close 0⏎                                     without data there is no second space
//
//   TXNR     1 to 9 digits     COMMAND  1 to 32 letters     DATALEN  1 to 9 digits
//
// The reader is pulled, so that its owner can stop between two frames. A frame that lies whole in a chunk is given out
// where it lies; only a half one is copied, and memory for it grows with what has arrived, never with what was promised.
// `syslog` has no bound: a longer message comes out in parts. Any other command's data has one.

import { RELP_FRAME_BYTES_MAX } from '../limits.ts'

const LF = 0x0a
const SPACE = 0x20
const ZERO = 0x30
const DIGITS_MAX = 9
const COMMAND_BYTES_MAX = 32
// TXNR, COMMAND and DATALEN at their longest, and what stands between and behind them.
const HEAD_BYTES_MAX = DIGITS_MAX + 1 + COMMAND_BYTES_MAX + 1 + DIGITS_MAX + 1
const HELD_BYTES_FIRST = 1024

// Between two sluices nearly every frame is held for a moment: memory made anew for each was 130 KB of garbage a frame, and with it
// a fifth of a server's CPU. What a reader lets go of, the next one takes, so that a quiet connection keeps nothing.
const SPARE_BYTES = 128 * 1024
const SPARE_MAX = 8
const spare: Buffer[] = []

const MORE = -1
const MALFORMED = -2

/** Commands that come often enough to be told apart without a string for each frame. */
const common = ['syslog', 'rsp', 'batch'].map((name) => ({ name, bytes: Buffer.from(name) }))

export type FrameStep = 'frame' | 'more' | 'malformed'

export class FrameReader {
  /** The frame found last. Its data is `[start, end)` of `bytes`, until the next step. */
  txnr = 0
  command = ''
  bytes: Buffer = empty
  start = 0
  end = 0
  /** Bytes of the whole frame's data, as its head says. */
  length = 0
  /** Whether a part of a long message is its first, and its last. A whole frame is both. */
  first = true
  last = true

  readonly #partBytes: number
  #chunk: Buffer = empty
  #at = 0
  /** The half frame, from its first byte on or, behind its head or an earlier part, from its next data on. */
  #held: Buffer = empty
  #heldLength = 0
  /** Bytes of the current frame's data that have not been given out, once its head is read. */
  #left = 0
  #inData = false
  #broken = false

  /** A `syslog` command's data longer than `partBytes` comes in parts of so many bytes, the last with what is left. */
  constructor(partBytes: number) {
    this.#partBytes = partBytes
  }

  /** Bytes of memory that the half frame takes. */
  get heldBytes(): number {
    return this.#held.length
  }

  /** More bytes, behind those that are there. The memory is the reader's until `next` says `more`, or `keep` is called. */
  feed(chunk: Buffer): void {
    if (this.#at < this.#chunk.length) chunk = Buffer.concat([this.#chunk.subarray(this.#at), chunk])
    this.#chunk = chunk
    this.#at = 0
  }

  /** Copies what has not been read of the last chunk, whose memory belongs to somebody else. */
  keep(): void {
    this.#chunk = Buffer.from(this.#chunk.subarray(this.#at))
    this.#at = 0
  }

  /** The frame found last is found again by the next step. */
  putBack(): void {
    const length = this.end - this.start
    if (this.bytes === this.#chunk) this.#at = this.start
    else this.#heldLength = this.last ? length + 1 : length
    this.#left += length
    this.#inData = true
  }

  /** The next frame, or part of one. After `malformed` there is no way on. */
  next(): FrameStep {
    if (this.#broken) return 'malformed'
    this.#letGo()
    const step = this.#inData ? this.#data() : this.#head()
    if (step === 'malformed') this.#broken = true
    return step
  }

  #head(): FrameStep {
    // Where a head was begun in an earlier chunk, it is finished in a copy: a few bytes, one at a time.
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

  /** Reads a head that begins at `at`; returns where its data begins, or where the LF is if there is none. */
  #readHead(bytes: Buffer, at: number, end: number): number {
    const stop = Math.min(end, at + HEAD_BYTES_MAX)
    const short = end - at >= HEAD_BYTES_MAX ? MALFORMED : MORE
    const txnrEnd = digitsEnd(bytes, at, stop)
    if (txnrEnd === MALFORMED || txnrEnd === at) return at === stop ? MORE : MALFORMED
    if (txnrEnd === stop) return short
    if (bytes[txnrEnd] !== SPACE) return MALFORMED
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
    const behind = bytes[lengthEnd]
    if (lengthEnd === lengthAt || (behind !== SPACE && (behind !== LF || length > 0))) return MALFORMED
    this.txnr = numberOf(bytes, at, txnrEnd)
    this.command = commandAs(bytes, commandAt, commandEnd)
    this.length = length
    this.#left = length
    this.#inData = true
    this.first = true
    if (length > RELP_FRAME_BYTES_MAX && this.command !== 'syslog') return MALFORMED
    // Without data the LF stands where the space would be: it is left to be found as the frame's end. From a copy it
    // cannot be left: there the byte that ended the head was the last one copied, and is given back to the chunk.
    if (behind === SPACE) return lengthEnd + 1
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

  /** Moves `count` bytes of the chunk behind the half frame. */
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

  // The frame given out last may lie in what was held: only now it is over.
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

/** Memory for at least `bytes`, twice the size before or more. */
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
