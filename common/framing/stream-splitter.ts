// Splits a byte stream into messages (RFC 6587). Octet-counted frames and lines that end in LF, CR LF or NUL may be mixed freely.
//
//   83 <34>1 …│<13>a line\n│<13>another\r\n│\n│<13>with NUL\0│12 monkeys\n
//   octet      text         text            │  text          text
//                                           └ empty lines are skipped
//
// A malformed frame never closes the connection, and every byte of text is delivered in some message:
//
//   count too small    the remaining bytes, up to the end of the line or the next `N <PRI>`, become a message of their own, marked;
//                      this is what senders cause that count characters instead of bytes
//   count too large    the beginning of the next frame is inside this message, and its remaining bytes are handled as above; if the
//                      stream ends before the count is reached, the held bytes are split at their newlines, marked
//   over max_message   the message is delivered in pieces (`message/chunk.ts`), marked
//
// The splitter buffers only a half frame. Frames that lie completely in a chunk are reported together, by their
// bounds, so that the chunk is copied once. The result does not depend on where the stream was cut: a property test
// verifies that.

import { grown } from '../grown.ts'
import type { Origin } from '../pipeline/batch.ts'
import { defectBit } from '../message/defects.ts'
import { MessageChunks, textBoundary } from '../message/chunk.ts'
import type { HalfFrame, HalfFrames } from './half-frames.ts'
import {
  beginsMarked,
  countBefore,
  MARK_BYTES,
  MARK_FIRST,
  NO_COUNT,
  octetCount,
  readOctetCount,
  UNDECIDED,
} from './octet-count.ts'
import { LineEnds } from './line-ends.ts'
import { isTerminator, trimmedEnd } from './terminators.ts'

export type FramingMode = 'auto' | 'newline' | 'octet'

/** Receives the messages of a stream, in order. The bytes are valid only until the call returns. */
export interface FrameOutput {
  /** One message. `mark` is a bit mask of defects. */
  frame(bytes: Uint8Array, start: number, end: number, mark: number): void
  /** `count` messages of one chunk: message i is `[bounds[2i], bounds[2i+1])`, with `marks[i]`. */
  frames(bytes: Uint8Array, bounds: Uint32Array, marks: Uint32Array, count: number): void
}

export interface SplitterOptions {
  readonly mode: FramingMode
  /** `max_message`. */
  readonly messageBytesMax: number
  readonly halfFrames: HalfFrames
  /** The origin of the stream, for the headers of chunked messages. */
  readonly origin: Origin
  /** Returns a new id for a chunked message. */
  readonly newId: () => string
  /** Returns the time of receipt, µs since the epoch. */
  readonly now: () => number
}

const LESS = 0x3c
const GREATER = 0x3e

const FRAME_HALF = defectBit('FRAME_HALF')
const FRAME_RESYNCHRONISED = defectBit('FRAME_RESYNCHRONISED')

/** States of the splitter: what the next byte belongs to. `COUNTING` means that the held bytes may still become a count. */
const BETWEEN = 0
const COUNTING = 1
const IN_TEXT = 2
const IN_OCTETS = 3
/** In text directly after a counted frame: framing is lost, and the next `N <PRI>` is searched for. */
const LOST = 4

/** Counts up to this are always plausible: RFC 3164 §4.1 limits a message to 1024 bytes. */
const LIKELY_BYTES = 1024
const HALF_BYTES_FIRST = 256
/** A buffer that grew beyond this size is freed after its frame. */
const HALF_BYTES_KEPT = 4096
const NOTHING = Buffer.alloc(0)

// Scratch memory of one `feed`, which is synchronous: shared by all splitters of the thread.
let bounds = new Uint32Array(4096)
let marks = new Uint32Array(2048)

export class StreamSplitter implements HalfFrame {
  readonly #options: SplitterOptions
  readonly #out: FrameOutput
  #state = BETWEEN
  /** The half frame: `[0, #halfLength)`. */
  #half: Buffer = NOTHING
  #halfLength = 0
  /** Bytes of the current counted frame that have not arrived. */
  #remaining = 0
  /** Defects of the current frame, as a bit mask. */
  #mark = 0
  #afterOctets = false
  #isLost = false
  #largestCount = 0
  #chunks: MessageChunks | undefined
  /** Frames recorded by `#note` in the current chunk. */
  #count = 0

  constructor(options: SplitterOptions, out: FrameOutput) {
    this.#options = options
    this.#out = out
  }

  get heldBytes(): number {
    return this.#halfLength
  }

  /** Takes the next bytes of the stream. */
  feed(chunk: Buffer): void {
    const ends = new LineEnds(chunk, this.#options.mode !== 'newline')
    let at = 0
    while (at < chunk.length) {
      switch (this.#state) {
        case BETWEEN:
          at = this.#begin(chunk, ends, at)
          break
        case COUNTING:
          at = this.#decide(chunk, at)
          break
        case IN_TEXT:
          at = this.#text(chunk, ends, at)
          break
        case LOST:
          at = this.#lostText(chunk, ends, at)
          break
        default:
          at = this.#octets(chunk, at)
      }
    }
    this.#giveFrames(chunk)
  }

  /**
   * To be called when the stream has ended or has been silent for too long: delivers the held bytes, marked as a half
   * frame. With `endsLine` the end counts as the end of a line, as at the end of a file, and a held line is not
   * marked.
   */
  flush(endsLine: boolean = false): void {
    if (this.#state === BETWEEN) return
    if (!endsLine || this.#state === IN_OCTETS) this.#mark |= FRAME_HALF
    // A count that was never reached may have swallowed lines: they are delivered one by one.
    if (this.#state === IN_OCTETS && !this.#chunks) this.#giveLines()
    else this.#giveHalf()
    this.#state = BETWEEN
    this.#afterOctets = false
  }

  /** Delivers the held bytes as a piece of a message that continues. */
  giveOut(): void {
    if (this.#state === COUNTING) this.#state = IN_TEXT
    this.#givePiece(textBoundary(this.#half, this.#halfLength))
  }

  /** A frame begins at `at`, after any empty lines. Complete frames are recorded (`#note`); for an incomplete one the state changes. */
  #begin(bytes: Buffer, ends: LineEnds, at: number): number {
    const end = bytes.length
    const { mode, messageBytesMax } = this.#options
    let afterOctets = this.#afterOctets
    for (;;) {
      while (at < end && isTerminator(bytes[at])) {
        at += 1
        afterOctets = false
      }
      if (at >= end) break
      const first = bytes[at]
      if (mode !== 'newline' && ((first >= 0x30 && first <= 0x39) || first === MARK_FIRST)) {
        const counted = readOctetCount(bytes, at, end)
        if (counted === true) {
          const start = octetCount.start
          const stop = start + octetCount.bytes
          if (octetCount.bytes > this.#largestCount) this.#largestCount = octetCount.bytes
          if (stop > end || octetCount.bytes > messageBytesMax) {
            this.#enterOctets(octetCount.bytes)
            return start
          }
          this.#note(start, trimmedEnd(bytes, start, stop), 0)
          afterOctets = true
          at = stop
          continue
        }
        if (counted === UNDECIDED) {
          this.#enter(COUNTING, afterOctets ? FRAME_RESYNCHRONISED : this.#textMark)
          this.#isLost = afterOctets
          return at
        }
        if (first === MARK_FIRST && beginsMarked(bytes, at, end)) {
          at += MARK_BYTES
          continue
        }
      }
      const mark = (afterOctets && first !== LESS ? FRAME_RESYNCHRONISED : 0) | this.#textMark
      if (afterOctets) {
        this.#enter(LOST, mark)
        return at
      }
      const stop = ends.next(at)
      if (stop === end || stop - at > messageBytesMax) {
        this.#enter(IN_TEXT, mark)
        return at
      }
      this.#note(at, trimmedEnd(bytes, at, stop), mark)
      afterOctets = false
      at = stop + 1
    }
    this.#afterOctets = afterOctets
    return at
  }

  /** In mode `octet`, a line is a frame that has lost its count. */
  get #textMark(): number {
    return this.#options.mode === 'octet' ? FRAME_RESYNCHRONISED : 0
  }

  #enter(state: number, mark: number): void {
    this.#state = state
    this.#mark = mark
    this.#afterOctets = false
  }

  #enterOctets(count: number): void {
    this.#enter(IN_OCTETS, 0)
    this.#remaining = count
  }

  /** Digits so far: takes one byte at a time until they are known to be a count or not. */
  #decide(bytes: Buffer, at: number): number {
    this.#hold(bytes, at, at + 1)
    const counted = readOctetCount(this.#half, 0, this.#halfLength)
    if (counted === UNDECIDED) return at + 1
    if (counted === NO_COUNT) {
      // The deciding byte may end the line or begin a message, so it is released and read again.
      const isMarked = beginsMarked(this.#half, 0, this.#halfLength)
      this.#release(isMarked ? this.#halfLength : 1)
      this.#state = isMarked ? BETWEEN : this.#isLost ? LOST : IN_TEXT
      this.#afterOctets = isMarked && this.#isLost
      return at
    }
    // Of the message itself only the `<` has been held; it is released and read again.
    const count = octetCount.bytes
    if (count > this.#largestCount) this.#largestCount = count
    this.#release(this.#halfLength)
    this.#enterOctets(count)
    return at
  }

  #text(bytes: Buffer, ends: LineEnds, at: number): number {
    const stop = ends.next(at)
    const kept = this.#holdBounded(bytes, at, stop)
    if (kept < stop || stop === bytes.length) return kept
    this.#finish()
    return stop + 1
  }

  /** Like `#text`, but a frame may begin before the end of the line. */
  #lostText(bytes: Buffer, ends: LineEnds, at: number): number {
    const close = bytes.indexOf(GREATER, at)
    if (close < 0 || close > ends.next(at)) return this.#text(bytes, ends, at)
    const kept = this.#holdBounded(bytes, at, close + 1)
    if (kept <= close) return kept
    // The text before the count may itself end with digits. Digits that would make the count much larger than all
    // earlier ones belong to the text.
    const countMax = Math.min(this.#options.messageBytesMax, Math.max(LIKELY_BYTES, 4 * this.#largestCount))
    const count = countBefore(this.#half, this.#halfLength, countMax)
    if (count < 0) return kept
    const priority = Buffer.from(this.#half.subarray(octetCount.start, this.#halfLength))
    const rest = octetCount.bytes - priority.length
    this.#release(this.#halfLength - count)
    this.#mark |= FRAME_RESYNCHRONISED
    this.#giveHalf()
    this.#enterOctets(rest)
    this.#hold(priority, 0, priority.length)
    if (rest === 0) {
      this.#finish()
      this.#afterOctets = true
    }
    return kept
  }

  #octets(bytes: Buffer, at: number): number {
    const stop = Math.min(bytes.length, at + this.#remaining)
    const kept = this.#holdBounded(bytes, at, stop)
    this.#remaining -= kept - at
    if (this.#remaining > 0) return kept
    this.#finish()
    this.#afterOctets = true
    return kept
  }

  /**
   * Holds `[at, stop)`, but no more than fits into a message; if the buffer is full, delivers a piece first, unless what
   * follows may be the delimiter at the end of the message. Returns the end of what was taken.
   */
  #holdBounded(bytes: Uint8Array, at: number, stop: number): number {
    if (at === stop) return stop
    const { messageBytesMax } = this.#options
    const room = (this.#chunks?.bytesMax(messageBytesMax) ?? messageBytesMax) - this.#halfLength
    if (room < 0 || (room === 0 && !isTerminator(bytes[at]))) {
      this.#givePiece(textBoundary(this.#half, this.#halfLength))
      return at
    }
    const end = Math.min(stop, at + Math.max(room, 1))
    this.#hold(bytes, at, end)
    return end
  }

  #finish(): void {
    this.#giveHalf()
    this.#state = BETWEEN
  }

  #note(start: number, end: number, mark: number): void {
    if (end <= start) return
    const at = this.#count
    if (2 * at + 2 > bounds.length) {
      bounds = grown(bounds)
      marks = grown(marks)
    }
    bounds[2 * at] = start
    bounds[2 * at + 1] = end
    marks[at] = mark
    this.#count = at + 1
  }

  /** Delivers the frames recorded for this chunk. */
  #giveFrames(bytes: Uint8Array): void {
    const count = this.#count
    if (count === 0) return
    this.#count = 0
    this.#out.frames(bytes, bounds, marks, count)
  }

  /** Delivers the held bytes as a message, or as the last piece of one. */
  #giveHalf(): void {
    const end = trimmedEnd(this.#half, 0, this.#halfLength)
    if (this.#chunks) {
      if (end > 0) this.#out.frame(...this.#chunks.piece(this.#half, 0, end), this.#mark | this.#chunks.mark)
      this.#chunks = undefined
    } else if (end > 0) this.#out.frame(this.#half, 0, end, this.#mark)
    this.#release(this.#halfLength)
  }

  #givePiece(held: number): void {
    const { origin, newId, now, messageBytesMax } = this.#options
    this.#chunks ??= new MessageChunks(this.#half.subarray(0, held), origin, now(), newId())
    const bytesMax = this.#chunks.bytesMax(messageBytesMax)
    const length = held <= bytesMax ? held : textBoundary(this.#half, bytesMax)
    this.#out.frame(...this.#chunks.piece(this.#half, 0, length), this.#mark | this.#chunks.mark)
    this.#half.copyWithin(0, length, this.#halfLength)
    this.#release(length)
  }

  #giveLines(): void {
    const end = this.#halfLength
    const ends = new LineEnds(this.#half.subarray(0, end), true)
    for (let at = 0; at < end;) {
      const stop = ends.next(at)
      const trimmed = trimmedEnd(this.#half, at, stop)
      if (trimmed > at) this.#out.frame(this.#half, at, trimmed, this.#mark)
      at = stop + 1
    }
    this.#release(end)
  }

  #hold(bytes: Uint8Array, start: number, end: number): void {
    // Earlier frames of this chunk are delivered first, since the bound on half frames may deliver this one at once.
    this.#giveFrames(bytes)
    const length = this.#halfLength + end - start
    if (length > this.#half.length) {
      let size = Math.max(HALF_BYTES_FIRST, this.#half.length)
      while (size < length) size *= 2
      const larger = Buffer.allocUnsafeSlow(size)
      larger.set(this.#half.subarray(0, this.#halfLength))
      this.#half = larger
    }
    this.#half.set(bytes.subarray(start, end), this.#halfLength)
    this.#halfLength = length
    this.#options.halfFrames.changed(this, end - start)
  }

  #release(bytes: number): void {
    this.#halfLength -= bytes
    if (this.#halfLength === 0 && this.#half.length > HALF_BYTES_KEPT) this.#half = NOTHING
    this.#options.halfFrames.changed(this, -bytes)
  }
}
