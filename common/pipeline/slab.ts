// Slabs: the memory that holds messages from the moment they arrive until the last destination has settled.
//
// A slab is a fixed block over a SharedArrayBuffer. A worker thread reads the same bytes: it is given the slab and a
// range, and nothing is copied. References are counted: the writer that fills the slab holds one, and so does every
// batch in it. A slab without references returns to the pool, which bounds the total size of all slabs.

import { SLAB_BYTES, SLABS_BYTES_MAX } from '../limits.ts'
import { assert } from '../fault.ts'

export class Slab {
  readonly bytes: Buffer
  /** A view of the same bytes, for reading four at a time. */
  readonly view: DataView
  readonly #pool: SlabPool
  #references = 1

  /** Only a pool creates slabs. */
  constructor(pool: SlabPool, bytes: Buffer) {
    this.#pool = pool
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  retain(): void {
    assert(this.#references > 0, 'a slab is retained only while somebody holds it')
    this.#references += 1
  }

  /** After the last release the pool may hand the bytes to somebody else. */
  release(): void {
    assert(this.#references > 0, 'a slab is released once for each hold')
    this.#references -= 1
    if (this.#references === 0) this.#pool.giveBack(this)
  }

  /** Called by the pool before it hands the slab out again. */
  renew(): void {
    assert(this.#references === 0, 'a slab in the pool is held by nobody')
    this.#references = 1
  }
}

export class SlabPool {
  readonly #bytesMax: number
  /** The one that was used last comes last. */
  readonly #spare: Slab[] = []
  #spareBytes = 0
  #bytesOut = 0
  #waiting: (() => void)[] = []

  constructor(bytesMax: number = SLABS_BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  /** Total bytes of all slabs that are in use. */
  get bytesOut(): number {
    return this.#bytesOut
  }

  /**
   * Returns a slab of at least `bytes` with one reference, which is the caller's; undefined if the bound is reached:
   * then wait for `freed()`. Sizes are multiples of the standard size, so that large slabs are used again too: V8 does not count
   * shared memory when it decides when to collect garbage. A client that followed lines of 700 KB grew to 1 GB.
   * `must` exceeds the bound.
   */
  take(bytes?: number): Slab | undefined
  take(bytes: number, must: true): Slab
  take(bytes: number, must: boolean): Slab | undefined
  take(bytes: number = SLAB_BYTES, must = false): Slab | undefined {
    const size = SLAB_BYTES * Math.max(1, Math.ceil(bytes / SLAB_BYTES))
    if (!must && this.#bytesOut + size > this.#bytesMax && this.#bytesOut > 0) return undefined
    this.#bytesOut += size
    const at = this.#spare.findLastIndex((slab) => slab.bytes.length === size)
    if (at >= 0) {
      const [spare] = this.#spare.splice(at, 1)
      this.#spareBytes -= size
      spare.renew()
      return spare
    }
    return new Slab(this, Buffer.from(new SharedArrayBuffer(size)))
  }

  /** Resolves when a slab has returned to the pool. */
  freed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  giveBack(slab: Slab): void {
    this.#bytesOut -= slab.bytes.length
    this.#keep(slab)
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  #keep(slab: Slab): void {
    const size = slab.bytes.length
    if (size > SPARE_BYTES_MAX) return
    this.#spare.push(slab)
    this.#spareBytes += size
    // Those that were not used for the longest time are of a size that is not needed now.
    while (this.#spareBytes > SPARE_BYTES_MAX) this.#spareBytes -= this.#spare.shift()!.bytes.length
  }
}

// What one fast source has open stays pooled: 8 MiB of messages, in large slabs of which a long line may fill 40 %. The rest is
// freed, so that an idle process is small.
const SPARE_BYTES_MAX = 96 * SLAB_BYTES
