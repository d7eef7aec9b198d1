// One RELP connection, on the receiving side (docs/protocol.md).
//
//   open    must come first; a peer that offers `batch` is another sluice
//   syslog  answered when the message is kept; a message longer than `max_message` is split into marked pieces
//   batch   answered when the whole batch is kept
//   marks, retire    passed on to the destinations, which keep the marks of streams
//   close   answered after everything that is owed; so is a peer that only closes its writing side, as `nc -N` does
//
// A violation of the protocol is answered with 500 if possible, and the connection is closed. A correct peer sends again what was not
// answered.

import type { Cancel } from '../../common/clock.ts'
import { reasonOf } from '../../common/fault.ts'
import { halfFrames, type HalfFrame } from '../../common/framing/half-frames.ts'
import { trimmedEnd } from '../../common/framing/terminators.ts'
import { RELP_END_WAIT_MS } from '../../common/limits.ts'
import { MessageChunks, textBoundary } from '../../common/message/chunk.ts'
import type { Connection } from '../../common/net/net.ts'
import type { Origin } from '../../common/pipeline/batch.ts'
import type { Intake } from '../../common/pipeline/intake.ts'
import { OriginReader } from '../../common/pipeline/origin-bytes.ts'
import type { SharedSlab } from '../../common/pipeline/shared-slab.ts'
import type { StreamMarks } from '../../common/pipeline/sink.ts'
import type { Platform } from '../../common/platform.ts'
import { newId } from '../../common/random.ts'
import { readBatchFrame, unpackedBytes } from '../../common/relp/batch-reader.ts'
import { FrameReader } from '../../common/relp/frame-reader.ts'
import { offersText, parseOffers } from '../../common/relp/offers.ts'
import { readStreams, writePositions } from '../../common/relp/stream-lines.ts'
import { RelpAnswers } from './relp-answers.ts'
import type { RelpGather, Sender } from './relp-gather.ts'

/** What all connections of a listener share. */
export interface RelpSurroundings {
  readonly source: string
  readonly platform: Platform
  readonly intake: Intake
  readonly gather: RelpGather
  readonly origins: OriginReader
  /** Where batches are decompressed into. */
  readonly slabs: SharedSlab
  readonly streams: StreamMarks | undefined
  readonly messageBytesMax: number
  /** Whether so many more decompressed bytes may be taken in this turn of the event loop; if so, counts them. */
  mayTake(bytes: number): boolean
  /** Logs, at a limited rate, why a connection was closed. */
  warn(peer: string, reason: string): void
  /** Logs, at a limited rate, a command that is not spoken here. */
  warnOfCommand(peer: string, command: string): void
  /** Pauses all connections, because there is no room for more. */
  brake(): void
  /** Whether all connections are paused. Bytes that still arrive may only be buffered. */
  isBraked(): boolean
}

export class RelpSession implements HalfFrame, Sender {
  readonly connection: Connection
  readonly answers: RelpAnswers
  readonly #shared: RelpSurroundings
  readonly #origin: Origin
  readonly #reader: FrameReader
  #heldBefore = 0
  #opened = false
  #hasBatch = false
  #over = false
  #waitsForPeer = false
  /** The peer has closed its writing side. */
  #hasEnded = false
  #cancelEnd: Cancel | undefined
  #chunks: MessageChunks | undefined
  /** The first bytes of a character that continues in the next part. */
  #carry: Buffer | undefined

  constructor(connection: Connection, origin: Origin, shared: RelpSurroundings) {
    this.connection = connection
    this.#origin = origin
    this.#shared = shared
    this.#reader = new FrameReader(shared.messageBytesMax + TERMINATOR_BYTES)
    this.answers = new RelpAnswers(
      connection,
      () => this.#readAgain(),
      () => this.#bye(),
    )
  }

  get heldBytes(): number {
    return this.#heldBefore
  }

  /** Incomplete frames of all connections use too much memory, and this is the largest: closes the connection; the peer sends again. */
  giveOut(): void {
    this.#end('its half frame is the largest of too many')
  }

  /** Receives bytes from the connection. */
  data(chunk: Buffer): void {
    if (this.#over) return
    this.#reader.feed(chunk)
    // Bytes that arrived before a pause took effect are only buffered.
    if (this.#shared.isBraked() || this.#waitsForPeer) this.#reader.keep()
    else this.read()
  }

  /** Call after a brake. A connection that waits for its peer to read answers stays paused. */
  resume(): void {
    if (!this.#waitsForPeer) this.connection.resume()
  }

  /** Takes all buffered frames. If there is no room for one, calls `brake` and returns false. */
  read(): boolean {
    const room = this.#readFrames()
    this.#countHeld()
    if (!room) this.#shared.brake()
    return room
  }

  #readFrames(): boolean {
    const reader = this.#reader
    while (!this.#over) {
      if (this.answers.full) {
        this.#waitsForPeer = true
        this.connection.pause()
        reader.keep()
        return true
      }
      const step = reader.next()
      if (step === 'more') {
        if (this.#hasEnded) this.#finishOwed()
        return true
      }
      if (step === 'malformed') return this.#refuse(reader.txnr, '500 malformed frame')
      if (!this.#take()) {
        reader.putBack()
        reader.keep()
        return false
      }
    }
    return true
  }

  /** Closes the connection after the last answer that is owed. */
  finish(): void {
    this.#over = true
    this.answers.end()
  }

  fail(error: unknown): void {
    this.#end(reasonOf(error))
  }

  /**
   * Call when the peer has closed its writing side: takes what is buffered, and closes the connection after the last answer that is owed. One
   * that has given up on its answers looks the same, so it does not get its place for long.
   */
  ended(): void {
    this.#hasEnded = true
    this.#cancelEnd = this.#shared.platform.clock.after(RELP_END_WAIT_MS, () => this.connection.destroy())
    if (!this.#shared.isBraked() && !this.#waitsForPeer) this.read()
  }

  /** Call when the connection has closed. */
  closed(): void {
    this.#cancelEnd?.()
    this.#over = true
    this.#forget()
  }

  #readAgain(): void {
    if (!this.#waitsForPeer) return
    this.#waitsForPeer = false
    // During a brake, it is resumed together with all others.
    if (this.#over || this.#shared.isBraked()) return
    this.connection.resume()
    this.read()
  }

  /** Closes our side, and the whole connection after `CLOSE_WAIT_MS` if the peer does not close its side. */
  #bye(): void {
    this.connection.end()
    this.#shared.platform.clock.after(CLOSE_WAIT_MS, () => this.connection.destroy())
  }

  /** Takes the current frame of the reader; false if there is no room for it. */
  #take(): boolean {
    const { command, txnr } = this.#reader
    if (!this.#opened && command !== 'open') this.#refuse(txnr, '500 open must come first')
    else if (command === 'syslog') return this.#syslog()
    else if (command === 'batch' && this.#hasBatch) return this.#batch()
    else if (command === 'open' && !this.#opened) this.#open()
    else if (command === 'close') this.#close()
    else if (this.#hasBatch && isAboutStreams(command)) this.#streams(command)
    else {
      this.#shared.warnOfCommand(this.connection.peer.host, command)
      this.answers.give(this.answers.owe(txnr, 1), '500 no such command here')
    }
    return true
  }

  #open(): void {
    const { bytes, start, end, txnr } = this.#reader
    const offers = parseOffers(bytes, start, end)
    if (!offers.isVersion0 || !offers.hasSyslog)
      return void this.#refuse(txnr, '500 version 0 with syslog is spoken here')
    this.#opened = true
    this.#hasBatch = offers.hasBatch
    this.answers.give(this.answers.owe(txnr, 1), `200 OK\n${offersText(offers.hasBatch)}`)
  }

  #close(): void {
    this.answers.give(this.answers.owe(this.#reader.txnr, 1))
    this.#finishOwed()
  }

  #finishOwed(): void {
    this.#shared.gather.flush()
    this.finish()
  }

  #syslog(): boolean {
    const { bytes, start, end, txnr, first, last } = this.#reader
    const { gather, messageBytesMax } = this.#shared
    if (!gather.takes(end - start)) return false
    const isWhole = first && last
    const stop = isWhole ? trimmedEnd(bytes, start, end) : end
    if (isWhole && stop - start <= messageBytesMax) gather.add(this, this.#origin, bytes, start, stop, 0, txnr, 1)
    else this.#part(bytes, start, end, last)
    return true
  }

  // A message longer than the bound is split into marked pieces, as in a TCP stream, never within a character.
  #part(bytes: Buffer, start: number, stop: number, last: boolean): void {
    const { gather, platform, messageBytesMax } = this.#shared
    const text = Buffer.concat([this.#carry ?? empty, bytes.subarray(start, stop)])
    const end = last ? trimmedEnd(text, 0, text.length) : textBoundary(text, text.length)
    this.#carry = last ? undefined : Buffer.from(text.subarray(end))
    const { clock, random } = platform
    this.#chunks ??= new MessageChunks(text.subarray(0, end), this.#origin, clock.now(), newId(random))
    let at = 0
    do {
      const bytesMax = this.#chunks.bytesMax(messageBytesMax)
      const next = end - at <= bytesMax ? end : at + textBoundary(text.subarray(at), bytesMax)
      const piece = this.#chunks.piece(text, at, next)
      gather.add(this, this.#origin, ...piece, this.#chunks.mark, this.#reader.txnr, last && next === end ? 1 : 0)
      at = next
    } while (at < end)
    if (last) this.#chunks = undefined
  }

  #batch(): boolean {
    const { bytes, start, end, txnr } = this.#reader
    const { intake, gather, platform, origins, slabs } = this.#shared
    const needed = unpackedBytes(bytes, start, end)
    if (needed === 0) return this.#refuse(txnr, '500 malformed batch')
    const piece = intake.full || !this.#shared.mayTake(needed) ? undefined : slabs.take(needed)
    if (!piece) return false
    const batch = readBatchFrame(bytes, start, end, piece, platform.clock.now(), origins)
    if (!batch) {
      piece.slab.release()
      return this.#refuse(txnr, '500 malformed batch')
    }
    gather.flush()
    const owed = this.answers.owe(txnr, 1)
    intake.write(batch).then(
      () => this.answers.give(owed),
      (error: unknown) => this.fail(error),
    )
    return true
  }

  #streams(command: AboutStreams): void {
    const { bytes, start, end, txnr } = this.#reader
    const { streams, gather } = this.#shared
    const ids = readStreams(bytes, start, end)
    if (!ids) return void this.#refuse(txnr, `500 malformed ${command}`)
    gather.flush()
    const owed = this.answers.owe(txnr, 1)
    const asked = ask(streams, command, ids)
    asked.then(
      (text) => this.answers.give(owed, text),
      (error: unknown) => this.fail(error),
    )
  }

  /** Answers with an error, after all that is owed, and closes the connection. */
  #refuse(txnr: number, text: string): true {
    this.#shared.warn(this.connection.peer.host, text.slice(4))
    if (this.#opened) this.#shared.gather.flush()
    this.answers.give(this.answers.owe(txnr, 1), text)
    this.#forget()
    this.finish()
    return true
  }

  #end(reason: string): void {
    this.#forget()
    this.#shared.warn(this.connection.peer.host, reason)
    this.connection.destroy()
  }

  #countHeld(): void {
    const held = this.#over ? 0 : this.#reader.heldBytes
    const changed = held - this.#heldBefore
    this.#heldBefore = held
    if (changed !== 0) halfFrames.changed(this, changed)
  }

  #forget(): void {
    this.#over = true
    this.#countHeld()
  }
}

type AboutStreams = 'marks' | 'retire'

function isAboutStreams(command: string): command is AboutStreams {
  return command === 'marks' || command === 'retire'
}

const CLOSE_WAIT_MS = 5_000
// A message of exactly `max_message` bytes may have a CR LF behind it in its frame, and is not split for that.
const TERMINATOR_BYTES = 2
const empty = Buffer.alloc(0)

async function ask(streams: StreamMarks | undefined, command: AboutStreams, ids: readonly string[]): Promise<string> {
  if (command === 'retire') {
    await streams?.retire(ids)
    return ''
  }
  const known = await streams?.marks(ids)
  return known && known.size > 0 ? `200 OK\n${writePositions(known)}` : ''
}
