// Reads followed files into slabs, one piece per turn, so that no file waits until another is read to its end.
//
// A read begins a little before the position and compares the bytes there (the tail). So a file that was truncated and has grown
// again is noticed at once, and none of its new content is skipped. As long as the file is short, its beginning is compared as well:
// that costs nothing, and lines may end alike.
//
//   … ─┬─ tail ─┬─ line\n ─ line\n ─ half a li─┬─
//      │ same?  │ position      consumed ─▶    │ read again with what follows

import { assert, Fault, reasonOf } from '../../common/fault.ts'
import { RETRY_FIRST_MS, SLAB_BYTES } from '../../common/limits.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import { MessageChunks, textBoundary } from '../../common/message/chunk.ts'
import type { DiskFile } from '../../common/disk.ts'
import { batchBytes, type Batch, type Origin } from '../../common/pipeline/batch.ts'
import { OpenWrites } from '../../common/pipeline/open-writes.ts'
import type { Sink } from '../../common/pipeline/sink.ts'
import type { Slab } from '../../common/pipeline/slab.ts'
import type { Platform } from '../../common/platform.ts'
import { newId } from '../../common/random.ts'
import type { FollowedFile, OpenRange } from './followed-file.ts'
import { TAIL_BYTES } from './fingerprint.ts'
import { Lines, TELLING_BYTES } from './lines.ts'
import { reportGivenBack } from './losses.ts'
import type { MessageStart } from './message-start.ts'
import { shownName } from './pattern.ts'

/** The outcome of reading one piece. */
export type ReadResult =
  | 'more' // there is more to read now
  | 'end' // nothing new except perhaps an incomplete line or group
  | 'cut' // the file is shorter than the position, or its content was replaced

export interface ReaderSettings {
  readonly source: string
  readonly messageBytesMax: number
  readonly multiline?: MessageStart | undefined
  originOf(file: FollowedFile): Origin
  /** Called when the settled position of a file has advanced. */
  settled(file: FollowedFile): void
  /** Called when a write was rejected: the file is to be read again after `retryMs`. */
  givenBack(file: FollowedFile): void
}

// A slab with less room than this is not used for another piece.
const PIECE_BYTES_MIN = 64 * 1024

export class Reader {
  readonly #settings: ReaderSettings
  readonly #platform: Platform
  readonly #writes: OpenWrites
  readonly #lines = new Lines()
  readonly #warning: RateLimitedWarning
  #slab: Slab | undefined
  #used = 0

  constructor(settings: ReaderSettings, sink: Sink, platform: Platform) {
    this.#settings = settings
    this.#platform = platform
    this.#writes = new OpenWrites(sink)
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
  }

  /** Whether another piece may be read at once. */
  get hasRoom(): boolean {
    return !this.#writes.full && this.#hasSlabWith(TAIL_BYTES + PIECE_BYTES_MIN)
  }

  /** Resolves when another piece may be read (backpressure): few enough writes are open, and there is memory for it. */
  async room(): Promise<void> {
    await this.#writes.room()
    await this.#slabWith(TAIL_BYTES + PIECE_BYTES_MIN)
  }

  /** Resolves when all writes have settled. */
  async close(): Promise<void> {
    await this.#writes.settled()
    this.#slab?.release()
    this.#slab = undefined
  }

  /** Reads a piece. `whole` says that the file will not grow any more: an incomplete line or group at its end is delivered. */
  async read(followed: FollowedFile, file: DiskFile, whole: boolean): Promise<ReadResult> {
    const overlap = followed.overlap
    const slab = await this.#slabWith(overlap + PIECE_BYTES_MIN)
    const result = await this.#readInto(slab, this.#used, followed, file, whole)
    if (result !== 'longer') return result
    // The line or group is longer than the room in the slab. Take a slab for the longest message and for what follows it.
    const larger = await this.#take(overlap + this.#settings.messageBytesMax + TELLING_BYTES + 1)
    try {
      const again = await this.#readInto(larger, 0, followed, file, whole)
      assert(again !== 'longer', 'a slab for the longest message has room for it and for what tells its end')
      return again
    } finally {
      larger.release()
    }
  }

  async #readInto(
    slab: Slab,
    start: number,
    followed: FollowedFile,
    file: DiskFile,
    whole: boolean,
  ): Promise<ReadResult | 'longer'> {
    const { messageBytesMax, multiline } = this.#settings
    const { overlap, tail } = followed
    const room = slab.bytes.length - start
    const { rewinds } = followed
    const bytes = await file.read(slab.bytes, start, room, followed.position - overlap)
    if (followed.rewinds !== rewinds) return 'end'
    if (bytes < overlap) return 'cut'
    if (!slab.bytes.subarray(start + overlap - tail.length, start + overlap).equals(tail)) return 'cut'
    if (followed.isShort && !followed.beginsAsKnown(slab.bytes.subarray(start, start + bytes))) return 'cut'
    followed.seen = Math.max(followed.seen, followed.position - overlap + bytes)
    const from = start + overlap
    const end = start + bytes
    const filled = bytes === room
    if (end === from) return 'end'
    // Once pieces of a long line were delivered, the limit for the rest of it is that of one piece.
    const lineBytesMax = followed.chunks?.bytesMax(messageBytesMax) ?? messageBytesMax
    this.#lines.split(slab, from, end, lineBytesMax, whole && !filled, multiline)
    if (this.#lines.consumed > 0) return this.#give(followed, slab, start, from, end, filled)
    if (this.#lines.stoppedAtLong) return this.#givePiece(followed, slab, from)
    if (filled) return 'longer'
    // All of it is an incomplete line or group.
    followed.openAt = followed.position + end - from
    return 'end'
  }

  /** Writes the lines just found to the sink. The slab counts as used up to their end. */
  #give(followed: FollowedFile, slab: Slab, start: number, from: number, end: number, filled: boolean): ReadResult {
    const { consumed, count } = this.#lines
    const position = followed.position
    const range = followed.advance(position + consumed, slab.bytes, from + consumed, start)
    if (slab === this.#slab) this.#used = from + consumed
    // Only the newline was left of the long line.
    if (count === 0 || this.#lines.bounds[0] > from) followed.chunks = undefined
    if (followed.chunks) return this.#giveLastPiece(followed, slab, range, position)
    if (count === 0) this.#settled(followed, range)
    else {
      const stream = { id: followed.stream, from: position, to: range.to, ends: this.#lines.ends.slice(0, count) }
      this.#write(followed, this.#batchOf(followed, slab, this.#lines.bounds.slice(0, 2 * count), stream), range)
    }
    const left = from + consumed < end
    if (!filled && left) followed.openAt = position + end - from
    return filled || this.#lines.stoppedAtLong ? 'more' : 'end'
  }

  /** Writes one piece of a line that is longer than a message may be. */
  async #givePiece(followed: FollowedFile, slab: Slab, from: number): Promise<ReadResult> {
    const { messageBytesMax } = this.#settings
    const first = slab.bytes.subarray(from, from + messageBytesMax)
    const { clock, random } = this.#platform
    followed.chunks ??= new MessageChunks(first, this.#settings.originOf(followed), clock.now(), newId(random))
    const length = textBoundary(first, followed.chunks.bytesMax(messageBytesMax))
    const position = followed.position
    const range = followed.advance(position + length, slab.bytes, from + length, from)
    await this.#writePiece(followed, slab, from, from + length, range, position)
    return 'more'
  }

  /** The first line found is the last piece of a long one. It is written in a slab of its own, with the other lines found. */
  #giveLastPiece(followed: FollowedFile, slab: Slab, range: OpenRange, position: number): ReadResult {
    const { bounds, ends, count } = this.#lines
    const chunks = followed.chunks!
    followed.chunks = undefined
    const [bytes, , end] = chunks.piece(slab.bytes, bounds[0], bounds[1])
    const own = this.#platform.slabs.take(end + bounds[2 * count - 1] - bounds[0], true)
    own.bytes.set(bytes)
    // The other lines follow in the same slab.
    const moved = new Uint32Array(2 * count)
    moved[1] = end
    let used = end
    for (let i = 1; i < count; i += 1) {
      moved[2 * i] = used
      own.bytes.set(slab.bytes.subarray(bounds[2 * i], bounds[2 * i + 1]), used)
      used += bounds[2 * i + 1] - bounds[2 * i]
      moved[2 * i + 1] = used
    }
    const marks = new Uint32Array(count)
    marks[0] = chunks.mark
    const stream = { id: followed.stream, from: position, to: range.to, ends: ends.slice(0, count) }
    this.#write(followed, { ...this.#batchOf(followed, own, moved, stream), marks }, range)
    own.release()
    return 'more'
  }

  #writePiece(
    followed: FollowedFile,
    slab: Slab,
    start: number,
    end: number,
    range: OpenRange,
    position: number,
  ): Promise<void> {
    const chunks = followed.chunks!
    const [bytes, , length] = chunks.piece(slab.bytes, start, end)
    const own = this.#platform.slabs.take(length, true)
    own.bytes.set(bytes)
    const stream = { id: followed.stream, from: position, to: range.to, ends: Uint32Array.of(end - start) }
    const batch = this.#batchOf(followed, own, Uint32Array.of(0, length), stream)
    this.#write(followed, { ...batch, marks: Uint32Array.of(chunks.mark) }, range)
    own.release()
    return this.#writes.room()
  }

  #batchOf(
    followed: FollowedFile,
    slab: Slab,
    bounds: Uint32Array,
    stream: NonNullable<Batch['runs'][0]['stream']>,
  ): Batch {
    slab.retain()
    const count = bounds.length / 2
    const settings = this.#settings
    const received = this.#platform.clock.now()
    const runs = [{ count, origin: settings.originOf(followed), stream }]
    return { slab, bounds, count, received, runs, ...(!settings.multiline && { singleLines: true }) }
  }

  #write(followed: FollowedFile, batch: Batch, range: OpenRange): void {
    const { metrics } = this.#platform
    const { source } = this.#settings
    range.messages = batch.count
    metrics.count('sluice_received_total', { source }, batch.count)
    metrics.count('sluice_received_bytes_total', { source }, batchBytes(batch))
    this.#writes.write(batch).then(
      () => this.#settled(followed, range),
      (error: unknown) => this.#givenBack(followed, range, error),
    )
  }

  #settled(followed: FollowedFile, range: OpenRange): void {
    if (followed.settle(range)) this.#settings.settled(followed)
  }

  // A rejection also rejects all later open writes of the stream; only the first one rewinds the file.
  #givenBack(followed: FollowedFile, range: OpenRange, error: unknown): void {
    const messages = followed.rewind(range, error)
    if (messages === undefined) return
    if (followed.ended)
      return reportGivenBack(this.#platform, this.#settings.source, followed.path, { messages, error })
    followed.retryMs = this.#platform.clock.monotonicMs() + RETRY_FIRST_MS
    this.#settings.givenBack(followed)
    if (error instanceof Fault && error.code === 'STOPPING') return
    const values = { path: shownName(followed.path), reason: reasonOf(error) }
    this.#warning.warn(values, 'a write failed: reading these lines again')
  }

  #hasSlabWith(bytes: number): boolean {
    return this.#slab !== undefined && this.#slab.bytes.length - this.#used >= bytes
  }

  async #slabWith(bytes: number): Promise<Slab> {
    if (this.#hasSlabWith(bytes)) return this.#slab!
    this.#slab?.release()
    this.#slab = undefined
    this.#slab = await this.#take(Math.max(bytes, SLAB_BYTES))
    this.#used = 0
    return this.#slab
  }

  async #take(bytes: number): Promise<Slab> {
    for (;;) {
      const slab = this.#platform.slabs.take(bytes)
      if (slab) return slab
      await this.#platform.slabs.freed()
    }
  }
}
