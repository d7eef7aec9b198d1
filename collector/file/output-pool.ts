// A pool of buffers that lines are rendered into.

import { OUTPUT_SPARE_BYTES_MAX } from '../../common/limits.ts'
import { Output } from '../../common/message/output.ts'

export class OutputPool {
  readonly #bytesFirst: number
  readonly #spare: Output[] = []
  #spareBytes = 0

  /** `bytesFirst` is the initial size of a new buffer. */
  constructor(bytesFirst: number) {
    this.#bytesFirst = bytesFirst
  }

  take(): Output {
    const output = this.#spare.pop()
    if (!output) return new Output(Buffer.allocUnsafeSlow(this.#bytesFirst))
    this.#spareBytes -= output.bytes.length
    return output
  }

  giveBack(output: Output): void {
    if (this.#spareBytes + output.bytes.length > OUTPUT_SPARE_BYTES_MAX) return
    output.clear()
    this.#spareBytes += output.bytes.length
    this.#spare.push(output)
  }
}
