// The answers (RELP `rsp` frames) of one connection. They are sent in the order of the commands, each as soon as its command is done
// (messages are kept, for example), and many in one write.
//
//   syslog 1 … 90   ──▶ owed ──┐
//   batch 91        ──▶ owed ──┼─ the first are ready ──▶ written
//   marks 92        ──▶ owed ──┘
//
// Reading stops for a peer that does not read its answers, and for one that is owed too many. This bounds the unread answers, and
// what has to be remembered per connection.

import { RELP_ANSWER_BYTES_MAX, RELP_OWED_MAX } from '../../common/limits.ts'
import { Output } from '../../common/message/output.ts'
import type { Connection } from '../../common/net/net.ts'
import { writeDone, writeFrame } from '../../common/relp/response.ts'

/** An answer that is owed to `count` commands with consecutive transaction numbers. */
export interface Owed {
  readonly txnr: number
  /** 0 for a command of which only a part has arrived. */
  count: number
  /** The answer; '' for `200 OK`. Undefined until the commands are done. */
  text: string | undefined
}

// Initial size of an output buffer. One turn of the event loop brings some hundred messages, so a new buffer each time costs little.
const SPARE_BYTES = 4096

export class RelpAnswers {
  readonly #connection: Connection
  readonly #drained: () => void
  readonly #ended: () => void
  #owed: Owed[] = []
  #output = new Output(Buffer.allocUnsafeSlow(SPARE_BYTES))
  #writing = false
  #ending = false

  /** `drained` is called when the connection may be read again, `ended` when the peer has been told that this end closes. */
  constructor(connection: Connection, drained: () => void, ended: () => void) {
    this.#connection = connection
    this.#drained = drained
    this.#ended = ended
  }

  /** Whether reading must stop until the peer has read answers, or has been given those that it is owed. */
  get full(): boolean {
    return this.#output.length >= RELP_ANSWER_BYTES_MAX || this.#owed.length >= RELP_OWED_MAX
  }

  /** Adds an answer after those that are owed already. */
  owe(txnr: number, count: number): Owed {
    const owed: Owed = { txnr, count, text: undefined }
    this.#owed.push(owed)
    return owed
  }

  /** Whether `owed` is the last one. */
  isLast(owed: Owed): boolean {
    return this.#owed.at(-1) === owed
  }

  give(owed: Owed, text: string = ''): void {
    owed.text = text
    let given = 0
    for (const first of this.#owed) {
      if (first.text === undefined) break
      for (let i = 0; i < first.count; i += 1) {
        if (first.text === '') writeDone(first.txnr + i, this.#output)
        else writeFrame(first.txnr + i, 'rsp', first.text, this.#output)
      }
      given += 1
    }
    this.#owed.splice(0, given)
    this.#write()
    if (given > 0 && !this.full) this.#drained()
  }

  /** After the last answer that is owed, sends `serverclose`. */
  end(): void {
    this.#ending = true
    this.#write()
  }

  #write(): void {
    if (this.#writing) return
    if (this.#ending && this.#owed.length === 0) {
      this.#writing = true
      writeFrame(0, 'serverclose', '', this.#output)
      this.#connection.write(this.#output.written).then(
        () => this.#ended(),
        () => {}, // the connection's close event follows
      )
      return
    }
    if (this.#output.length === 0) return
    const { written } = this.#output
    this.#output = new Output(Buffer.allocUnsafeSlow(SPARE_BYTES))
    this.#writing = true
    this.#connection.write(written).then(
      () => {
        this.#writing = false
        this.#write()
        if (!this.full) this.#drained()
      },
      () => {}, // the close event of the connection follows, and the peer sends unanswered commands again
    )
  }
}
