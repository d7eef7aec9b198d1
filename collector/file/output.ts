// Buffers that lines are rendered into, pooled by the destination.

import { OUTPUT_SPARE_BYTES_MAX } from '../../common/limits.ts'

/** Bytes that grow at the end. */
export class Output {
  bytes: Buffer
  length = 0

  constructor(bytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(bytes)
  }

  /** Makes room for `bytes` more. */
  reserve(bytes: number): void {
    if (this.length + bytes <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.bytes.length, this.length + bytes))
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
  }
}

/** Spare outputs. */
export class OutputPool {
  readonly #bytesFirst: number
  #spare: Output[] = []
  #spareBytes = 0

  /** `bytesFirst` is the size of a new output. */
  constructor(bytesFirst: number) {
    this.#bytesFirst = bytesFirst
  }

  take(): Output {
    const output = this.#spare.pop()
    if (!output) return new Output(this.#bytesFirst)
    this.#spareBytes -= output.bytes.length
    return output
  }

  giveBack(output: Output): void {
    if (this.#spareBytes + output.bytes.length > OUTPUT_SPARE_BYTES_MAX) return
    output.length = 0
    this.#spareBytes += output.bytes.length
    this.#spare.push(output)
  }
}
