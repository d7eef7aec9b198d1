// Reads a UDP socket by polling while datagrams arrive fast: Node's own reading is stopped, and every millisecond all queued
// datagrams are read, many with each system call. When traffic becomes slow again, Node reads the socket as before.
//
//   Node reads one ──▶ are more queued? ── no ──▶ nothing else
//                            │ yes
//                            ▼
//                   every ms: read all ── none for 32 ms ──▶ Node reads again
//
// At 200,000 datagrams a second this reads 200 with each call, at 1.1 µs per datagram. Reading whenever Node reported one gave 3 with
// each call, at 3.3 µs; Node alone takes 4.2 µs.

import type { Socket } from 'node:dgram'
import { systemClock, type Cancel } from '../clock.ts'
import type { ReceiveDatagram } from './net.ts'
import { DATAGRAMS_A_CALL, type ReceiveMany } from './receive-many.ts'

const POLL_MS = 1
const QUIET_POLLS = 32
// Maximum number of calls in one turn of the event loop, so that other work gets its share. More while the receiver has room for a
// burst: datagrams that were read cannot be dropped any more, and the kernel's queue holds about 40,000.
const CALLS_A_TURN = 64
const BURST_CALLS = 512
// Bounds the last reading, since a sender that does not stop could keep the queue from becoming empty. These turns read more than the
// largest receive buffer holds.
const LAST_TURNS_MAX = 8

/** The internal handle of a Node socket. There is no public way to its descriptor, or to stop and start its reading. */
export interface ReadingHandle {
  readonly fd: number
  recvStart(): void
  recvStop(): void
}

/** The handle of a bound socket; undefined if this version of Node has other internals. */
export function readingHandle(socket: Socket): ReadingHandle | undefined {
  const internals = socket as unknown as Record<symbol, { readonly handle?: Partial<ReadingHandle> } | undefined>
  const state = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'state symbol')
  const handle = state && internals[state]?.handle
  const isKnown = typeof handle?.recvStart === 'function' && typeof handle.recvStop === 'function'
  return isKnown && Number.isInteger(handle.fd) && handle.fd! >= 0 ? (handle as ReadingHandle) : undefined
}

export class BusyDatagrams {
  readonly #many: ReceiveMany
  readonly #handle: ReadingHandle
  readonly #give: ReceiveDatagram
  readonly #hasRoom: () => boolean
  #cancel: Cancel | undefined
  #quietPolls = 0

  /** `hasRoom` says whether more than `CALLS_A_TURN` calls may be made in a turn. */
  constructor(handle: ReadingHandle, many: ReceiveMany, give: ReceiveDatagram, hasRoom: () => boolean) {
    this.#handle = handle
    this.#many = many
    this.#give = give
    this.#hasRoom = hasRoom
  }

  /** Call when Node has read a datagram. */
  follow(): void {
    if (this.#cancel || this.#take() === 0) return
    this.#handle.recvStop()
    this.#quietPolls = 0
    this.#later()
  }

  /** Reads all that the kernel has queued, and returns reading to Node. */
  finish(): void {
    const wasBusy = this.#cancel !== undefined
    this.close()
    for (let turns = 0; turns < LAST_TURNS_MAX && this.#take() > 0; turns += 1);
    if (wasBusy) this.#handle.recvStart()
  }

  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #later(): void {
    this.#cancel = systemClock.after(POLL_MS, () => {
      this.#quietPolls = this.#take() > 0 ? 0 : this.#quietPolls + 1
      if (this.#quietPolls < QUIET_POLLS) return this.#later()
      this.#cancel = undefined
      this.#handle.recvStart()
    })
  }

  #take(): number {
    let taken = 0
    for (let calls = 0; calls < CALLS_A_TURN || (calls < BURST_CALLS && this.#hasRoom()); calls += 1) {
      const count = this.#many.receive(this.#handle.fd, this.#give)
      taken += count
      if (count < DATAGRAMS_A_CALL) break
    }
    return taken
  }
}
