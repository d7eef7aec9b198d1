// Slabs: the memory that messages lie in from the moment they arrive until the last destination has taken them.
//
// A slab is a fixed block over a SharedArrayBuffer, so that a worker thread reads the same bytes: it is handed over
// as slab and range, never copied for that. References are counted: the writer that fills it holds one, every batch
// that lies in it holds one. Slabs that nobody holds go back to the pool, which bounds all of them together.

import { SLAB_BYTES, SLABS_BYTES_MAX } from '../limits.ts'
import { assert } from '../fault.ts'

export class Slab {
  readonly bytes: Buffer
  /** The same bytes, for reading four at a time. */
  readonly view: DataView
  readonly #pool: SlabPool
  #references = 1

  /** Made by a pool only. */
  constructor(pool: SlabPool, bytes: Buffer) {
    this.#pool = pool
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  retain(): void {
    assert(this.#references > 0, 'a slab is retained only while somebody holds it')
    this.#references += 1
  }

  /** After the last release the bytes belong to somebody else. */
  release(): void {
    assert(this.#references > 0, 'a slab is released once for each hold')
    this.#references -= 1
    if (this.#references === 0) this.#pool.giveBack(this)
  }

  /** Called by the pool when it hands the slab out again. */
  renew(): void {
    assert(this.#references === 0, 'a slab in the pool is held by nobody')
    this.#references = 1
  }
}

export class SlabPool {
  readonly #bytesMax: number
  readonly #spare: Slab[] = []
  #bytesOut = 0
  #waiting: (() => void)[] = []

  constructor(bytesMax: number = SLABS_BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  /** Bytes of all slabs that somebody holds. */
  get bytesOut(): number {
    return this.#bytesOut
  }

  /**
   * A slab of at least `bytes`, held once by the caller; undefined where the bound is reached: wait for `freed()`.
   * A slab larger than the standard one is made for its one message and not kept. `must` goes over the bound.
   */
  take(bytes?: number): Slab | undefined
  take(bytes: number, must: true): Slab
  take(bytes: number, must: boolean): Slab | undefined
  take(bytes: number = SLAB_BYTES, must = false): Slab | undefined {
    const size = Math.max(bytes, SLAB_BYTES)
    if (!must && this.#bytesOut + size > this.#bytesMax && this.#bytesOut > 0) return undefined
    this.#bytesOut += size
    const spare = size === SLAB_BYTES ? this.#spare.pop() : undefined
    if (spare) {
      spare.renew()
      return spare
    }
    return new Slab(this, Buffer.from(new SharedArrayBuffer(size)))
  }

  /** Resolves when a slab has come back. */
  freed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  giveBack(slab: Slab): void {
    this.#bytesOut -= slab.bytes.length
    if (slab.bytes.length === SLAB_BYTES && this.#spare.length < SPARE_SLABS_MAX) this.#spare.push(slab)
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}

// 8 MiB kept warm: what one fast source has open. The rest goes back to the system, so that an idle process is small.
const SPARE_SLABS_MAX = 32
