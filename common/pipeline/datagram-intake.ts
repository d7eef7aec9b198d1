// Datagrams into an intake: each is a message, less what ends it; one over `max_message` comes in pieces. A sender of
// datagrams is not made to wait: what there is no room for is dropped, and counted.

import { nextTurn } from '../clock.ts'
import { octetCount, readOctetCount } from '../framing/octet-count.ts'
import { MessageChunks, textBoundary } from '../message/chunk.ts'
import { defectBit } from '../message/defects.ts'
import { priorityAt } from '../message/parse.ts'
import type { DropReason } from '../metric.ts'
import type { Platform } from '../platform.ts'
import { newId } from '../random.ts'
import type { Origin } from './batch.ts'
import type { Intake } from './intake.ts'
import { Overflow } from './overflow.ts'

const NUL = 0x00
const LF = 0x0a
const CR = 0x0d
// Turns of the event loop at a stop. Each brings up to 32 datagrams of UDP, and one of a unix socket.
const LAST_TURNS_MAX = 4_096
const FRAME_COUNT_IN_DATAGRAM = defectBit('FRAME_COUNT_IN_DATAGRAM')

export interface DatagramSettings {
  readonly source: string
  readonly messageBytesMax: number
  /** The reason under which drops are counted. */
  readonly reason: DropReason
}

export class DatagramIntake {
  readonly #messageBytesMax: number
  readonly #platform: Platform
  readonly #overflow: Overflow
  #taken = 0

  constructor({ source, messageBytesMax, reason }: DatagramSettings, platform: Platform) {
    this.#messageBytesMax = messageBytesMax
    this.#platform = platform
    this.#overflow = new Overflow(source, reason, platform)
  }

  /** One datagram, whose memory stays the caller's; `mark` is a mask of defects that it has already. */
  take(datagram: Buffer, origin: Origin, intake: Intake, mark = 0): void {
    this.#taken += 1
    let start = 0
    let end = datagram.length
    while (end > start && isTerminator(datagram[end - 1])) end -= 1
    if (end === start) return
    if (!intake.takes(end)) return this.#overflow.drop(1)
    const first = datagram[0]
    // `12 <b>` is a text: what is taken away must stand before a PRI.
    if (first >= 0x30 && first <= 0x39 && readOctetCount(datagram, 0, end) === true) {
      if (priorityAt(datagram, octetCount.start, end) >= 0) {
        start = octetCount.start
        mark |= FRAME_COUNT_IN_DATAGRAM
      }
    }
    if (end - start > this.#messageBytesMax) this.#takePieces(datagram.subarray(start, end), origin, mark, intake)
    else intake.add(origin, datagram, start, end, mark)
  }

  /** One that came when there was no intake yet, and no room. */
  drop(): void {
    this.#overflow.drop(1)
  }

  /**
   * At a stop, when nobody can send any more: waits until what the kernel holds is taken in. It throws away, and counts nowhere,
   * what is unread in a socket that is closed.
   */
  async readOut(): Promise<void> {
    const { clock } = this.#platform
    let before = -1
    for (let turn = 0; turn < LAST_TURNS_MAX && this.#taken !== before; turn += 1) {
      before = this.#taken
      // Two, so that the sockets are looked at in between.
      await nextTurn(clock)
      await nextTurn(clock)
    }
  }

  /** Counts and says what was dropped. */
  close(): void {
    this.#overflow.close()
  }

  #takePieces(datagram: Buffer, origin: Origin, mark: number, intake: Intake): void {
    const { clock, random } = this.#platform
    let chunks: MessageChunks | undefined
    for (let at = 0; at < datagram.length;) {
      const rest = datagram.subarray(at)
      const first = rest.subarray(0, this.#messageBytesMax)
      chunks ??= new MessageChunks(first, origin, clock.now(), newId(random))
      const bytesMax = chunks.bytesMax(this.#messageBytesMax)
      const length = rest.length <= bytesMax ? rest.length : textBoundary(rest, bytesMax)
      intake.add(origin, ...chunks.piece(rest, 0, length), mark | chunks.mark)
      at += length
    }
  }
}

const isTerminator = (byte: number) => byte === LF || byte === CR || byte === NUL
