// The answers of one RELP connection. They leave in the order of the commands, each once what it says is true; many of them
// leave in one write.
//
//   syslog 1 … 90   ──▶ owed ──┐
//   batch 91        ──▶ owed ──┼─ the first are ready ──▶ written
//   marks 92        ──▶ owed ──┘
//
// A peer that does not read its answers is read from no more, nor is one that is owed too many: what it has not read, and what
// is to be remembered for it, stay bounded.

import { RELP_ANSWER_BYTES_MAX, RELP_OWED_MAX } from '../../common/limits.ts'
import { Output } from '../../common/message/output.ts'
import type { Connection } from '../../common/net/net.ts'
import { writeDone, writeFrame } from '../../common/relp/response.ts'

/** An answer that is owed to so many commands in a row. */
export interface Owed {
  readonly txnr: number
  /** 0 for a command of which only a part is there. */
  count: number
  /** What is answered, once it is true; `200 OK` where it is empty. */
  text: string | undefined
}

// A turn of the event loop brings some hundred messages; an object for each hundred is nothing.
const SPARE_BYTES = 4096

export class RelpAnswers {
  readonly #connection: Connection
  readonly #drained: () => void
  readonly #ended: () => void
  #owed: Owed[] = []
  #output = new Output(Buffer.allocUnsafeSlow(SPARE_BYTES))
  #writing = false
  #ending = false

  /** `drained` is called when there may be room for more again, `ended` when it was told that this is all. */
  constructor(connection: Connection, drained: () => void, ended: () => void) {
    this.#connection = connection
    this.#drained = drained
    this.#ended = ended
  }

  /** Whether the peer has to read, or to be answered, before it is read from. */
  get full(): boolean {
    return this.#output.length >= RELP_ANSWER_BYTES_MAX || this.#owed.length >= RELP_OWED_MAX
  }

  /** Another answer, behind those that are owed already. */
  owe(txnr: number, count: number): Owed {
    const owed: Owed = { txnr, count, text: undefined }
    this.#owed.push(owed)
    return owed
  }

  /** Whether `owed` is the answer that was promised last. */
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

  /** Behind the last answer that is owed the peer is told that this end closes. */
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
      () => {}, // the connection's close event follows, and the peer sends again
    )
  }
}
