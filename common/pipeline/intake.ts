// What everything that a source reads from shares: one gather, one set of open writes, one brake.
//
//   connection ─┐ frames                  batch              promise
//   connection ─┼────────▶ gather ── one a turn ──▶ sink ──────────────▶ released
//   datagram   ─┘             │                      │
//                             └── no slab ──▶ brake ◀┘ 8 MiB open
//
// Datagrams come first: of a burst of them the batches wait here, so that the socket is looked at again before all of them
// are worked on. The kernel holds 40,000, and a process that has just started works 140 ms on 4,000.

import type { Cancel } from '../clock.ts'
import type { FaultCode } from '../fault-codes.ts'
import { Fault, reasonOf } from '../fault.ts'
import { BURST_BYTES_MAX } from '../limits.ts'
import type { DropReason } from '../metric.ts'
import { batchBytes, batchWeight, type Batch, type Origin } from './batch.ts'
import { Gather } from './gather.ts'
import { OpenWrites } from './open-writes.ts'
import { Overflow } from './overflow.ts'
import type { Sink } from './sink.ts'
import type { Platform } from '../platform.ts'

// More than one read from a socket brings.
const CHUNK_BYTES = 64 * 1024

// A batch of so many messages is worth its overhead …
const WORTH_COUNT = 512
// … and a smaller one waits for no more turns of the event loop than this (2 ms of busy work, nothing when idle).
const TURNS_MAX = 16

// One waiting batch goes in each turn, and one more for so many: the more wait, the less is looked for new ones.
const WAITING_A_TURN = 8

export class Intake {
  readonly #source: string
  readonly #platform: Platform
  readonly #gather: Gather
  readonly #writes: OpenWrites
  /** What came back, by the reason. */
  readonly #dropped = new Map<DropReason, Overflow>()
  readonly #waiting: Batch[] = []
  #waitingBytes = 0
  #cancelFlush: Cancel | undefined
  #turns = 0
  #countBefore = 0

  constructor(source: string, sink: Sink, platform: Platform) {
    this.#source = source
    this.#platform = platform
    this.#writes = new OpenWrites(sink)
    this.#gather = new Gather(
      platform.slabs,
      () => platform.clock.now(),
      (batch) => {
        this.#waiting.push(batch)
        this.#waitingBytes += batchWeight(batch)
      },
    )
  }

  /** Whether `bytes` can be taken in now. Where not: brake until `room()`, or drop and count. */
  takes(bytes: number): boolean {
    return !this.full && this.#waitingBytes < BURST_BYTES_MAX && this.#gather.reserve(bytes)
  }

  /** Whether a burst of datagrams may be taken in as fast as it can be read. */
  get hasRoomForBurst(): boolean {
    return !this.full && this.#waitingBytes < BURST_BYTES_MAX / 2
  }

  /** Whether as much is open as may be: brake until `room()`. */
  get full(): boolean {
    return this.#writes.full
  }

  /** Resolves when a chunk can be taken in again. */
  async room(): Promise<void> {
    for (;;) {
      this.#writeWaiting()
      await this.#writes.room()
      if (this.#gather.reserve(CHUNK_BYTES)) return
      await this.#platform.slabs.freed()
    }
  }

  /** One message. It is taken in whatever `takes` says: what is held already only moves. */
  add(origin: Origin, bytes: Uint8Array, start: number, end: number, mark: number): void {
    this.#gather.reserve(end - start, true)
    const at = this.#gather.copy(bytes, start, end)
    this.#gather.add(origin, at, at + end - start, mark)
    this.#flushSoon()
  }

  /** Messages of one chunk, which is copied once: message i is `[bounds[2i], bounds[2i+1])`. */
  addAll(origin: Origin, bytes: Uint8Array, bounds: Uint32Array, marks: Uint32Array, count: number): void {
    const first = bounds[0]
    const last = bounds[2 * count - 1]
    this.#gather.reserve(last - first, true)
    const shift = this.#gather.copy(bytes, first, last) - first
    for (let i = 0; i < count; i += 1) {
      this.#gather.add(origin, bounds[2 * i] + shift, bounds[2 * i + 1] + shift, marks[i])
    }
    this.#writeWaiting()
    this.#flushSoon()
  }

  /** Gives everything away and waits until all of it has settled; what was dropped is counted and said by then. */
  async close(): Promise<void> {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    this.#gather.close()
    this.#writeWaiting(this.#waiting.length, true)
    await this.#writes.settled()
    for (const dropped of this.#dropped.values()) dropped.close()
  }

  #flushSoon(): void {
    this.#cancelFlush ??= this.#platform.clock.soon(this.#endTurn)
  }

  // A turn of the event loop takes at most 32 datagrams from a socket. While they come without a pause, a few turns make
  // one batch: a tenth of the batches, and 260 instead of 340 ns a datagram before any destination has its overhead.
  readonly #endTurn = (): void => {
    if (this.#waiting.length > 0) {
      this.#writeWaiting(1 + Math.floor(this.#waiting.length / WAITING_A_TURN))
      if (this.full) void this.#goOnWithRoom()
      else this.#cancelFlush = this.#platform.clock.soon(this.#endTurn)
      return
    }
    const { count } = this.#gather
    this.#turns += 1
    const grows = count > this.#countBefore
    if (grows && count < WORTH_COUNT && this.#turns < TURNS_MAX) {
      this.#countBefore = count
      this.#cancelFlush = this.#platform.clock.soon(this.#endTurn)
      return
    }
    this.#turns = 0
    this.#countBefore = 0
    this.#gather.flush()
    this.#writeWaiting()
    if (this.#waiting.length > 0) void this.#goOnWithRoom()
    else this.#cancelFlush = undefined
  }

  async #goOnWithRoom(): Promise<void> {
    await this.#writes.room()
    if (this.#cancelFlush) this.#endTurn()
  }

  /** Writes what waits, so many batches at most, while there is room for open writes; all of it where it `must` go. */
  #writeWaiting(count: number = this.#waiting.length, must = false): void {
    for (let i = 0; i < count && (must || !this.full); i += 1) {
      const batch = this.#waiting.shift()!
      this.#waitingBytes -= batchWeight(batch)
      // The network cannot be read again: what a destination gives back is lost here, and said so.
      void this.#write(batch, (reason) => this.#drop(batch.count, reason))
    }
  }

  /** What comes from a peer that waits for an answer: a rejection is that answer, and nothing counts as dropped. */
  write(batch: Batch): Promise<void> {
    return this.#write(batch)
  }

  #write(batch: Batch, rejected?: (reason: unknown) => void): Promise<void> {
    const { metrics } = this.#platform
    const source = this.#source
    metrics.count('sluice_received_total', { source }, batch.count)
    metrics.count('sluice_received_bytes_total', { source }, batchBytes(batch))
    return this.#writes.write(batch, rejected)
  }

  #drop(messages: number, error: unknown): void {
    const reason = error instanceof Fault ? (error.code.toLowerCase() as Lowercase<FaultCode>) : 'write_failed'
    let dropped = this.#dropped.get(reason)
    if (!dropped) this.#dropped.set(reason, (dropped = new Overflow(this.#source, reason, this.#platform)))
    dropped.drop(messages, reasonOf(error))
  }
}
