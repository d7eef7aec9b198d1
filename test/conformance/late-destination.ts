// A destination that reads a batch as late as it may: in the turn of the event loop in which it settles the write. Whatever is in
// front of it must keep the batch unchanged until then.

import { Fault } from '../../common/fault.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import type { Destination } from '../../common/pipeline/sink.ts'
import { settle } from '../fake/clock.ts'
import { textsOf } from '../fake/sink.ts'

export class LateDestination implements Destination {
  readonly name: string
  readonly texts: string[]
  readonly #isStalled: boolean
  #tail: Promise<void> = Promise.resolve()
  #open = new Set<(fault: Fault) => void>()
  #closed = false

  /** Settled messages are appended to `texts`. With `isStalled`, no write ever settles. */
  constructor(name: string, isStalled = false, texts: string[] = []) {
    this.name = name
    this.texts = texts
    this.#isStalled = isStalled
  }

  open(): Promise<void> {
    return Promise.resolve()
  }

  write(batch: Batch): Promise<void> {
    if (this.#closed) return Promise.reject(this.#stopping())
    return new Promise((resolve, reject) => {
      this.#open.add(reject)
      if (this.#isStalled) return
      this.#tail = this.#tail.then(settle).then(() => {
        this.texts.push(...textsOf(batch))
        this.#open.delete(reject)
        resolve()
      })
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#tail
    for (const reject of this.#open) reject(this.#stopping())
  }

  #stopping(): Fault {
    return new Fault('STOPPING', this.name)
  }
}
