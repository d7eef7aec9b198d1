// Passes datagrams to an intake. Each is one message, without the terminators at its end; one longer than
// `max_message` is chunked. Senders of datagrams cannot be slowed down, so a datagram for which there is no room is
// dropped and counted.

import { nextTurn } from '../clock.ts'
import { octetCount, readOctetCount } from '../framing/octet-count.ts'
import { trimmedEnd } from '../framing/terminators.ts'
import { MessageChunks, textBoundary } from '../message/chunk.ts'
import { defectBit } from '../message/defects.ts'
import { priorityAt } from '../message/parse.ts'
import type { DropReason } from '../metric.ts'
import type { Platform } from '../platform.ts'
import { newId } from '../random.ts'
import type { Origin } from './batch.ts'
import type { Intake } from './intake.ts'
import { Overflow } from './overflow.ts'

// How many turns of the event loop a stop may take. Each turn reads up to 32 UDP datagrams, or one from a Unix
// socket.
const LAST_TURNS_MAX = 4_096
const FRAME_COUNT_IN_DATAGRAM = defectBit('FRAME_COUNT_IN_DATAGRAM')

export interface DatagramSettings {
  readonly source: string
  readonly messageBytesMax: number
  /** The `reason` label under which drops are counted. */
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

  /** Takes one datagram. Its memory stays the caller's. `mark` is a bit mask of defects that it already has. */
  take(datagram: Buffer, origin: Origin, intake: Intake, mark = 0): void {
    this.#taken += 1
    let start = 0
    const end = trimmedEnd(datagram, 0, datagram.length)
    if (end === start) return
    if (!intake.takes(end)) return this.#overflow.drop(1)
    const first = datagram[0]
    // An octet count is removed only if a valid PRI follows it: `12 <b>` is text.
    if (first >= 0x30 && first <= 0x39 && readOctetCount(datagram, 0, end) === true) {
      if (priorityAt(datagram, octetCount.start, end) >= 0) {
        start = octetCount.start
        mark |= FRAME_COUNT_IN_DATAGRAM
      }
    }
    if (end - start > this.#messageBytesMax) this.#takePieces(datagram.subarray(start, end), origin, mark, intake)
    else intake.add(origin, datagram, start, end, mark)
  }

  /** Counts a datagram that arrived before there was an intake as dropped. */
  drop(): void {
    this.#overflow.drop(1)
  }

  /**
   * For a stop, once no more datagrams can arrive: waits until everything in the kernel's buffer has been read. When
   * a socket is closed, the kernel discards unread datagrams and counts them nowhere.
   */
  async readOut(): Promise<void> {
    const { clock } = this.#platform
    let before = -1
    for (let turn = 0; turn < LAST_TURNS_MAX && this.#taken !== before; turn += 1) {
      before = this.#taken
      // Two turns, so that the sockets are polled in between.
      await nextTurn(clock)
      await nextTurn(clock)
    }
  }

  /** Counts and logs the remaining drops. */
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
