// Shared by everything that one source reads from: one gather, one set of open writes, one backpressure state.
//
//   connection ─┐ frames                  batch              promise
//   connection ─┼────────▶ gather ── one a turn ──▶ sink ──────────────▶ released
//   datagram   ─┘             │                      │
//                             └── no slab ──▶ brake ◀┘ 8 MiB open
//
// Reading datagrams takes precedence: during a burst, batches wait here so that the socket is read again before all
// of them are processed. The kernel's buffer holds 40,000 datagrams, and a process that has just started takes 140 ms
// to process 4,000.

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

// At least as much as one read from a socket returns.
const CHUNK_BYTES = 64 * 1024

// A batch of at least this many messages is worth its overhead …
const WORTH_COUNT = 512
// … and a smaller one waits for at most this many turns of the event loop (2 ms when busy, none when idle).
const TURNS_MAX = 16

// Each turn writes one waiting batch, plus one more for every WAITING_A_TURN that wait: the longer the queue, the less
// often the socket is read in between.
const WAITING_A_TURN = 8

export class Intake {
  readonly #source: string
  readonly #platform: Platform
  readonly #gather: Gather
  readonly #writes: OpenWrites
  /** Messages that destinations rejected, by reason. */
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

  /** Whether `bytes` can be accepted now. If not, apply backpressure until `room()` resolves, or drop and count. */
  takes(bytes: number): boolean {
    return !this.full && this.#waitingBytes < BURST_BYTES_MAX && this.#gather.reserve(bytes)
  }

  /** Whether a burst of datagrams may be read as fast as possible. */
  get hasRoomForBurst(): boolean {
    return !this.full && this.#waitingBytes < BURST_BYTES_MAX / 2
  }

  /** Whether the bound on open writes is reached: apply backpressure until `room()` resolves. */
  get full(): boolean {
    return this.#writes.full
  }

  /** Resolves when another chunk can be accepted. */
  async room(): Promise<void> {
    for (;;) {
      this.#writeWaiting()
      await this.#writes.room()
      if (this.#gather.reserve(CHUNK_BYTES)) return
      await this.#platform.slabs.freed()
    }
  }

  /**
   * Adds one message. It is accepted even if `takes` returns false, since its bytes are already in memory and only
   * move.
   */
  add(origin: Origin, bytes: Uint8Array, start: number, end: number, mark: number): void {
    this.#gather.reserve(end - start, true)
    const at = this.#gather.copy(bytes, start, end)
    this.#gather.add(origin, at, at + end - start, mark)
    this.#flushSoon()
  }

  /** Adds the messages of one chunk, which is copied once: message i is `[bounds[2i], bounds[2i+1])`. */
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

  /** Writes everything and waits until all of it has settled. What was dropped has been counted and logged by then. */
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

  // One turn of the event loop reads at most 32 datagrams from a socket. While they keep coming, several turns make
  // one batch: that is a tenth of the batches, and 260 instead of 340 ns per datagram before any overhead in the
  // destinations.
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

  /**
   * Writes up to `count` waiting batches, while the bound on open writes allows it; with `must`, regardless of that
   * bound.
   */
  #writeWaiting(count: number = this.#waiting.length, must = false): void {
    for (let i = 0; i < count && (must || !this.full); i += 1) {
      const batch = this.#waiting.shift()!
      this.#waitingBytes -= batchWeight(batch)
      // Messages from the network cannot be read again, so what a destination rejects is lost, counted and logged.
      void this.#write(batch, (reason) => this.#drop(batch.rejected ?? batch.count, reason))
    }
  }

  /**
   * Writes a batch from a peer that waits for an answer (RELP). A rejection is that answer, so nothing is counted as
   * dropped.
   */
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
