// One RELP connection, the receiver's side (docs/protocol.md).
//
//   open    must come first; a peer that offers `batch` is another sluice
//   syslog  answered when the message is kept; one over `max_message` comes out in marked pieces
//   batch   answered when all of it is kept
//   marks, retire    asked of and told to what keeps the streams
//   close   answered behind everything that is owed
//
// Whatever breaks the protocol gets its answer where there is one (500), and the connection ends: what was not answered is
// sent again by a peer that keeps to it.

import { reasonOf } from '../../common/fault.ts'
import { halfFrames, type HalfFrame } from '../../common/framing/half-frames.ts'
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
  /** What batches are unpacked into. */
  readonly slabs: SharedSlab
  readonly streams: StreamMarks | undefined
  readonly messageBytesMax: number
  /** Whether so many unpacked bytes more may be taken in in this turn of the event loop. */
  mayTake(bytes: number): boolean
  /** Says, not too often, that a connection ended for a reason. */
  warn(peer: string, reason: string): void
  /** Nothing more can be taken in now: everybody is to stop. */
  brake(): void
  /** Whether nobody is read from now: bytes that arrive may only be kept. */
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
  #chunks: MessageChunks | undefined
  /** The start of a character whose rest is in the next part. */
  #carry: Buffer | undefined

  constructor(connection: Connection, origin: Origin, shared: RelpSurroundings) {
    this.connection = connection
    this.#origin = origin
    this.#shared = shared
    this.#reader = new FrameReader(shared.messageBytesMax)
    this.answers = new RelpAnswers(
      connection,
      () => this.#readAgain(),
      () => this.#bye(),
    )
  }

  get heldBytes(): number {
    return this.#heldBefore
  }

  /** Half frames of all connections are too many, and this is the largest: it is sent again. */
  giveOut(): void {
    this.#end('its half frame is the largest of too many')
  }

  /** Bytes that arrived. */
  data(chunk: Buffer): void {
    if (this.#over) return
    this.#reader.feed(chunk)
    // What arrived before a pause took effect.
    if (this.#shared.isBraked() || this.#waitsForPeer) this.#reader.keep()
    else this.read()
  }

  /** After a brake. One that waits for its peer goes on when that has read. */
  resume(): void {
    if (!this.#waitsForPeer) this.connection.resume()
  }

  /** Takes in what is there. False where it had to stop before the end, since there is no room: then the brake is pulled. */
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
      if (step === 'more') return true
      if (step === 'malformed') return this.#refuse(reader.txnr, '500 malformed frame')
      if (!this.#take()) {
        reader.putBack()
        reader.keep()
        return false
      }
    }
    return true
  }

  /** After the last answer that is owed, the connection ends. */
  finish(): void {
    this.#over = true
    this.answers.end()
  }

  fail(error: unknown): void {
    this.#end(reasonOf(error))
  }

  /** The connection is gone. */
  closed(): void {
    this.#over = true
    this.#forget()
  }

  #readAgain(): void {
    if (!this.#waitsForPeer) return
    this.#waitsForPeer = false
    // While nobody is read from, it is read from when all are.
    if (this.#over || this.#shared.isBraked()) return
    this.connection.resume()
    this.read()
  }

  /** A peer that does not close its end either does not keep the connection by that. */
  #bye(): void {
    this.connection.end()
    this.#shared.platform.clock.after(CLOSE_WAIT_MS, () => this.connection.destroy())
  }

  /** Takes the reader's frame; false where there is no room for it. */
  #take(): boolean {
    const { command, txnr } = this.#reader
    if (!this.#opened && command !== 'open') this.#refuse(txnr, '500 open must come first')
    else if (command === 'syslog') return this.#syslog()
    else if (command === 'batch' && this.#hasBatch) return this.#batch()
    else if (command === 'open' && !this.#opened) this.#open()
    else if (command === 'close') this.#close()
    else if (this.#hasBatch && isAboutStreams(command)) this.#streams(command)
    else this.answers.give(this.answers.owe(txnr, 1), '500 no such command here')
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
    this.#shared.gather.flush()
    this.finish()
  }

  #syslog(): boolean {
    const { bytes, start, end, txnr, first, last } = this.#reader
    const { gather } = this.#shared
    if (!gather.takes(end - start)) return false
    if (first && last) gather.add(this, this.#origin, bytes, start, end, 0, txnr, 1)
    else this.#part(bytes, start, end, last)
    return true
  }

  // A message over the bound comes out in marked pieces, as from a stream; no character is cut in two.
  #part(bytes: Buffer, start: number, stop: number, last: boolean): void {
    const { gather, platform, messageBytesMax } = this.#shared
    const text = Buffer.concat([this.#carry ?? empty, bytes.subarray(start, stop)])
    const end = last ? text.length : textBoundary(text, text.length)
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

  /** Answers with an error behind what is owed, and ends the connection. */
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
const empty = Buffer.alloc(0)

async function ask(streams: StreamMarks | undefined, command: AboutStreams, ids: readonly string[]): Promise<string> {
  if (command === 'retire') {
    await streams?.retire(ids)
    return ''
  }
  const known = await streams?.marks(ids)
  return known && known.size > 0 ? `200 OK\n${writePositions(known)}` : ''
}
