// One connection to a RELP receiver: sends commands, and matches the answers to them by transaction number.
//
// `syslog` commands are many, and their answers may come in any order, so their transaction numbers are kept in a ring. All other
// commands are few, and are answered in order.

import type { Cancel, Clock } from '../../common/clock.ts'
import { Fault } from '../../common/fault.ts'
import { RECEIVER_LATE_MS, RELP_BATCH_BYTES, RELP_FRAME_BYTES_MAX, RELP_WINDOW_MESSAGES } from '../../common/limits.ts'
import { Output } from '../../common/message/output.ts'
import type { Connection } from '../../common/net/net.ts'
import { FrameReader } from '../../common/relp/frame-reader.ts'
import { responseCode, responseData, writeFrame } from '../../common/relp/response.ts'
import { readPositions } from '../../common/relp/stream-lines.ts'
import { isTlsAlert } from '../../common/tls/tls-record.ts'

const TXNR_MAX = 999_999_999
const DONE = 200

/** The callbacks of a command; one of them is called, once. */
export interface Asked {
  /** The answer is `[start, end)` of `bytes`, which are valid only during the call. */
  answered(code: number, bytes: Buffer, start: number, end: number): void
  /** The connection has ended before an answer came. */
  lost?(fault: Fault): void
}

/** What a connection reports to its lane. */
export interface PeerEvents {
  /** The oldest unanswered `syslog` command is answered. */
  syslogAnswered(code: number): void
  /** It has owed an answer for `silentMs`. Called every `RECEIVER_LATE_MS` until it answers or is lost; `isFirst` the first time. */
  late(silentMs: number, isFirst: boolean): void
  /** The connection has ended. This is the last event. */
  over(reason: Error): void
}

export class RelpPeer {
  readonly #connection: Connection
  readonly #events: PeerEvents
  readonly #clock: Clock
  readonly #reader = new FrameReader(RELP_FRAME_BYTES_MAX)
  #txnr = 0
  #asked: { readonly txnr: number; readonly asked: Asked }[] = []
  /** The window, as a ring: transaction numbers of `syslog` commands in order, and the answer code of each, 0 if unanswered. */
  readonly #txnrs = new Int32Array(RELP_WINDOW_MESSAGES)
  readonly #codes = new Int32Array(RELP_WINDOW_MESSAGES)
  #first = 0
  #open = 0
  /** When the last answer came, or the first unanswered command was sent after a time without any; monotonic ms. */
  #movedMs = 0
  #isQuiet = true
  #isLate = false
  #cancelWatch: Cancel | undefined
  #isOver = false
  /** Memory of an earlier frame that has been written. */
  #spareFrame: Output | undefined

  constructor(connection: Connection, events: PeerEvents, clock: Clock) {
    this.#connection = connection
    this.#events = events
    this.#clock = clock
  }

  start(): void {
    this.#connection.start({
      data: (chunk) => this.#data(chunk),
      end: () => this.lose('the peer closed it'),
      close: (error) => this.#over(error ?? new Error('the peer closed it')),
    })
  }

  /** How many `syslog` commands may be sent now. */
  get window(): number {
    return RELP_WINDOW_MESSAGES - this.#open
  }

  /** Sends a command other than `syslog`. The data is copied before the call returns. */
  ask(command: string, data: string | readonly Uint8Array[], asked: Asked): void {
    const txnr = this.#nextTxnr()
    const frame = this.#spareFrame ?? new Output()
    this.#spareFrame = undefined
    writeFrame(txnr, command, data, frame)
    this.#asked.push({ txnr, asked })
    this.#write(frame.written, () => {
      if (frame.bytes.length > SPARE_FRAME_BYTES_MAX) return
      frame.clear()
      this.#spareFrame = frame
    })
  }

  /** The transaction number of the next `syslog` command, whose frame the caller sends. `window` must be at least 1. */
  beginSyslog(): number {
    const txnr = this.#nextTxnr()
    const at = (this.#first + this.#open) % RELP_WINDOW_MESSAGES
    this.#txnrs[at] = txnr
    this.#codes[at] = 0
    this.#open += 1
    return txnr
  }

  send(bytes: Buffer): void {
    this.#write(bytes, () => {})
  }

  #write(bytes: Buffer, written: () => void): void {
    this.#watch()
    this.#connection.write(bytes).then(written, () => {}) // after a failure, the connection's close event follows
  }

  /** Ends the connection at once. */
  lose(reason: string): void {
    this.#over(new Error(reason))
    this.#connection.destroy()
  }

  #nextTxnr(): number {
    this.#txnr = this.#txnr === TXNR_MAX ? 1 : this.#txnr + 1
    return this.#txnr
  }

  #data(chunk: Buffer): void {
    if (this.#isOver) return
    const reader = this.#reader
    const isTls = isTlsAlert(chunk)
    reader.feed(chunk)
    while (!this.#isOver) {
      const step = reader.next()
      if (step === 'more') return
      if (step === 'malformed') return this.lose(isTls ? SPEAKS_TLS : 'it does not speak RELP')
      if (reader.command === 'serverclose') return this.lose('the peer closes')
      if (reader.command !== 'rsp') return this.lose(`it sends a command: ${reader.command}`)
      this.#answer(reader)
    }
  }

  #answer({ txnr, bytes, start, end }: FrameReader): void {
    this.#movedMs = this.#clock.monotonicMs()
    this.#isLate = false
    const code = responseCode(bytes, start, end)
    const first = this.#asked[0]
    if (first?.txnr === txnr) {
      this.#asked.shift()
      first.asked.answered(code, bytes, start, end)
    } else if (!this.#syslogAnswer(txnr, code)) this.lose(`it answers what was not asked: ${txnr}`)
    if (!this.#owes) this.#isQuiet = true
  }

  #syslogAnswer(txnr: number, code: number): boolean {
    let i = 0
    while (i < this.#open && this.#txnrs[(this.#first + i) % RELP_WINDOW_MESSAGES] !== txnr) i += 1
    if (i === this.#open) return false
    // A code of 0 would mean unanswered. An answer that cannot be read counts as a refusal.
    this.#codes[(this.#first + i) % RELP_WINDOW_MESSAGES] = code || REFUSED
    while (this.#open > 0 && this.#codes[this.#first] !== 0) {
      const done = this.#codes[this.#first]
      this.#first = (this.#first + 1) % RELP_WINDOW_MESSAGES
      this.#open -= 1
      this.#events.syslogAnswered(done)
    }
    return true
  }

  get #owes(): boolean {
    return this.#open > 0 || this.#asked.length > 0
  }

  // A peer that disappeared without closing is noticed by its missing answers. The time counts from when it first owes one: the
  // timer may have been started long before, for a command that was answered.
  #watch(): void {
    if (this.#isQuiet) this.#movedMs = this.#clock.monotonicMs()
    this.#isQuiet = false
    if (!this.#cancelWatch && !this.#isOver) this.#lookIn(RECEIVER_LATE_MS)
  }

  // Rounded up to whole ms: otherwise a timer may end a fraction of a ms early, again and again.
  #lookIn(ms: number): void {
    this.#cancelWatch = this.#clock.after(Math.ceil(ms), () => {
      this.#cancelWatch = undefined
      if (this.#owes) this.#look()
    })
  }

  #look(): void {
    const silentMs = this.#clock.monotonicMs() - this.#movedMs
    if (silentMs < RECEIVER_LATE_MS) return this.#lookIn(RECEIVER_LATE_MS - silentMs)
    const isFirst = !this.#isLate
    this.#isLate = true
    this.#events.late(silentMs, isFirst)
    if (!this.#isOver) this.#lookIn(RECEIVER_LATE_MS)
  }

  #over(reason: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancelWatch?.()
    const fault = new Fault('CONNECTION_LOST', reason.message, { retryable: true })
    for (const { asked } of this.#asked.splice(0)) asked.lost?.(fault)
    this.#events.over(reason)
  }
}

const REFUSED = 500
/** A frame that grew for a huge message is not kept. */
const SPARE_FRAME_BYTES_MAX = 2 * RELP_BATCH_BYTES
const SPEAKS_TLS = 'the peer speaks TLS on this port; write relps:// in `to`'

/** Sends `marks` or `retire`; resolves to the positions in the answer. Rejects with `CONNECTION_LOST`. */
export function askStreams(peer: RelpPeer, command: string, data: string): Promise<Map<string, number>> {
  return new Promise((resolve, reject) => {
    peer.ask(command, data, {
      answered(code, bytes, start, end) {
        const positions = readPositions(bytes, responseData(bytes, start, end), end)
        if (code === DONE && positions) return resolve(positions)
        const detail = `${command} is answered with ${firstLine(bytes, start, end)}`
        reject(new Fault('CONNECTION_LOST', detail, { retryable: true }))
      },
      lost: reject,
    })
  })
}

/** The first line of an answer, up to 200 bytes, for the log. */
export function firstLine(bytes: Buffer, start: number, end: number): string {
  return JSON.stringify(bytes.toString('latin1', start, Math.min(end, start + 200)).split('\n')[0])
}
