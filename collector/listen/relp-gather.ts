// Messages of plain RELP `syslog` commands, gathered over all connections: one turn of the event loop is one batch, and
// when that is kept, all their senders get their answers.

import type { Cancel } from '../../common/clock.ts'
import type { Batch, Origin } from '../../common/pipeline/batch.ts'
import { Gather } from '../../common/pipeline/gather.ts'
import type { Intake } from '../../common/pipeline/intake.ts'
import type { Platform } from '../../common/platform.ts'
import type { Owed, RelpAnswers } from './relp-answers.ts'

/** Whom to answer, and how to say that it cannot be answered. */
export interface Sender {
  readonly answers: RelpAnswers
  /** What it sent was not kept: its connection is cut, so that it sends again. */
  fail(error: unknown): void
}

interface Due {
  readonly sender: Sender
  readonly owed: Owed
}

export class RelpGather {
  readonly #intake: Intake
  readonly #platform: Platform
  readonly #gather: Gather
  #due: Due[] = []
  #cancelFlush: Cancel | undefined

  constructor(intake: Intake, platform: Platform) {
    this.#intake = intake
    this.#platform = platform
    this.#gather = new Gather(
      platform.slabs,
      () => platform.clock.now(),
      (batch) => this.#write(batch),
    )
  }

  /** Whether `bytes` can be taken in now. */
  takes(bytes: number): boolean {
    return !this.#intake.full && this.#gather.reserve(bytes)
  }

  /** A message, or, with `count` 0, a part of one whose answer comes with its last part. */
  add(
    sender: Sender,
    origin: Origin,
    bytes: Buffer,
    start: number,
    end: number,
    mark: number,
    txnr: number,
    count: number,
  ): void {
    this.#gather.reserve(end - start, true)
    const at = this.#gather.copy(bytes, start, end)
    this.#gather.add(origin, at, at + end - start, mark)
    this.#owe(sender, txnr, count)
    this.#cancelFlush ??= this.#platform.clock.soon(() => this.flush())
  }

  /** Gives what was gathered away, so that what follows comes behind it. */
  flush(): void {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    this.#gather.flush()
  }

  close(): void {
    this.flush()
    this.#gather.close()
  }

  // Transaction numbers of one sender follow each other: a window of 128 is one answer to be remembered.
  #owe(sender: Sender, txnr: number, count: number): void {
    const last = this.#due.at(-1)
    if (last?.sender === sender && last.owed.txnr + last.owed.count === txnr && sender.answers.isLast(last.owed)) {
      last.owed.count += count
    } else this.#due.push({ sender, owed: sender.answers.owe(txnr, count) })
  }

  #write(batch: Batch): void {
    const due = this.#due
    this.#due = []
    this.#intake.write({ ...batch, awaited: true }).then(
      () => {
        for (const { sender, owed } of due) sender.answers.give(owed)
      },
      (error: unknown) => {
        for (const { sender } of due) sender.fail(error)
      },
    )
  }
}
