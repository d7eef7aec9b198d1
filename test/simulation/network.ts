// A network in simulated time. A connection has two ends; what is written at one arrives at the other later, in pieces and in
// order, but not while the network is partitioned. Machines lose power (and tell nobody), processes die (and their kernel ends
// the connection), and connections are reset at both ends or at one only, so that the other end notices when it writes.

import { expect } from 'vitest'
import { Fault } from '../../common/fault.ts'
import { CONNECT_WAIT_MS } from '../../common/limits.ts'
import type { Connection, ConnectionEvents, Endpoint, Listener, Net } from '../../common/net/net.ts'
import type { Dice } from './dice.ts'
import type { Life } from './life.ts'
import type { Timeline } from './timeline.ts'

// With this many bytes on their way or not read yet, writes wait.
const PIPE_BYTES_MAX = 64 * 1024

interface Write {
  readonly bytes: Buffer
  readonly resolve: () => void
  readonly reject: (reason: Error) => void
}

/** One end of a connection. */
class End implements Connection {
  readonly peer: Endpoint
  readonly life: Life
  other!: End
  readonly #net: SimulatedNet
  #events: ConnectionEvents | undefined
  /** Chunks that have arrived and are not read yet. */
  #inbox: Buffer[] = []
  /** Chunks on their way to the other end. `#outBytes` is their size and that of the other end's inbox. */
  #out: Buffer[] = []
  #outBytes = 0
  #waiting: Write[] = []
  #sending = false
  #delivering = false
  #paused = false
  #ended = false
  #endSent = false
  #peerEnded = false
  #peerEndTold = false
  #closed = false

  constructor(net: SimulatedNet, life: Life, peer: Endpoint) {
    this.#net = net
    this.life = life
    this.peer = peer
  }

  start(events: ConnectionEvents): void {
    this.#events = events
    this.#deliverSoon()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#deliverSoon()
  }

  write(bytes: Buffer): Promise<void> {
    if (this.life.isDead) return new Promise(() => {})
    if (this.#closed || this.#ended) return Promise.reject(lost('the connection has ended'))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes: Buffer.from(bytes), resolve, reject })
      this.#takeWaiting()
    })
  }

  end(): void {
    if (this.#closed || this.#ended || this.life.isDead) return
    this.#ended = true
    this.#sendSoon()
  }

  destroy(): void {
    if (this.life.isDead) return
    this.close(undefined)
    this.#tellOther()
  }

  /** Closes this end only. */
  close(error: Error | undefined): void {
    if (this.#closed) return
    this.#closed = true
    this.#inbox = []
    this.#out = []
    for (const { reject } of this.#waiting.splice(0)) reject(lost('the connection has ended'))
    this.life.after(0, () => this.#events?.close(error))
  }

  /** The process at this end has died. Its kernel tells the peer, unless the machine has lost power (`isSilent`). */
  orphan(isSilent: boolean): void {
    // The dead process still gets its close event, so that totals over all processes, such as bytes of half frames, are right.
    this.#events?.close(lost('its process is dead'))
    this.#closed = true
    if (isSilent) return
    if (this.#net.dice.chance(0.5)) return this.#tellOther()
    // The kernel still sends what it had accepted, and then the end of the stream.
    const rest = this.#out
    this.#net.travel(() => {
      this.other.#inbox.push(...rest)
      this.other.#peerEnded = true
      this.other.#deliverSoon()
    })
  }

  get isClosed(): boolean {
    return this.#closed
  }

  #tellOther(): void {
    this.#net.travel(() => this.other.close(this.#net.dice.chance(0.5) ? lost('reset by peer') : undefined))
  }

  #takeWaiting(): void {
    while (this.#waiting.length > 0 && this.#outBytes < PIPE_BYTES_MAX) {
      const { bytes, resolve } = this.#waiting.shift()!
      this.#outBytes += bytes.length
      this.#cut(bytes)
      this.life.after(0, resolve)
    }
    this.#sendSoon()
  }

  // Cuts what is written at random places, as segments and reads do; usually not at all.
  #cut(bytes: Buffer): void {
    const { dice } = this.#net
    while (bytes.length > 1 && dice.chance(0.2)) {
      const at = 1 + dice.below(bytes.length - 1)
      this.#out.push(bytes.subarray(0, at))
      bytes = bytes.subarray(at)
    }
    this.#out.push(bytes)
  }

  #sendSoon(): void {
    if (this.#sending) return
    this.#sending = true
    this.#net.travel(() => {
      this.#sending = false
      this.#arrive()
    })
  }

  // Either everything that was written so far arrives, or one piece.
  #arrive(): void {
    if (this.#closed) return
    const { dice } = this.#net
    const pieces = this.#out.splice(0, dice.chance(0.7) ? Infinity : 1)
    if (this.other.#closed) {
      // The other end is closed, so its kernel answers with a reset.
      return this.#net.travel(() => this.close(pieces.length > 0 ? lost('reset by peer') : undefined))
    }
    this.other.#inbox.push(...pieces)
    if (this.#out.length > 0 || this.#waiting.length > 0) this.#sendSoon()
    else if (this.#ended && !this.#endSent) {
      this.#endSent = true
      this.other.#peerEnded = true
    }
    this.other.#deliverSoon()
  }

  #deliverSoon(): void {
    if (this.#delivering) return
    this.#delivering = true
    this.life.after(0, () => {
      this.#delivering = false
      this.#deliver()
    })
  }

  #deliver(): void {
    const events = this.#events
    while (events && !this.#paused && !this.#closed && this.#inbox.length > 0) {
      const chunk = this.#inbox.shift()!
      this.other.#outBytes -= chunk.length
      // The chunk is valid only during the call, so it is overwritten afterwards.
      events.data(chunk)
      chunk.fill(0xff)
      this.other.#takeWaiting()
    }
    if (!events || this.#closed || this.#inbox.length > 0 || !this.#peerEnded) return
    if (!this.#peerEndTold) {
      this.#peerEndTold = true
      events.end()
    }
    if (this.#endSent) this.close(undefined)
    else if (this.other.#endSent && this.#ended) this.#sendSoon()
  }
}

interface Listening {
  readonly life: Life
  readonly accept: (connection: Connection) => void
}

export class SimulatedNet {
  readonly timeline: Timeline
  readonly dice: Dice
  /** Maximum delay in one direction, ms. */
  delayMs = 2
  /** The network is partitioned until this time: nothing arrives before. */
  partedUntilMs = 0
  readonly #listeners = new Map<number, Listening>()
  #ends: End[] = []
  #nextPort = 40_000

  constructor(timeline: Timeline, dice: Dice) {
    this.timeline = timeline
    this.dice = dice
  }

  /** The network for one process. */
  of(life: Life): Net {
    return {
      listen: (at, accept) => this.#listen(life, at, accept),
      connect: (to, signal) => this.#connect(life, to, signal),
      bind: () => Promise.reject(new Error('no datagrams here')),
      datagramsTo: () => expect.fail('no datagrams here'),
      tlsServer: () => expect.fail('no TLS here'),
      secureTo: () => Promise.reject(new Error('no TLS here')),
      services: () => Promise.reject(new Error('no SRV records here')),
    }
  }

  /** Calls after the time that a packet sent now takes to arrive. */
  travel(call: () => void): void {
    const ms = this.dice.between(0, this.delayMs)
    this.timeline.after(ms, () => {
      const leftMs = this.partedUntilMs - this.timeline.ms
      // Retransmitted until the partition is over.
      if (leftMs > 0) this.timeline.after(leftMs, () => this.travel(call))
      else call()
    })
  }

  /** Removes the listeners of a dead process and ends its connections; `isSilent` if its machine has lost power. */
  orphan(life: Life, isSilent: boolean): void {
    for (const [port, listening] of this.#listeners) if (listening.life === life) this.#listeners.delete(port)
    for (const end of this.#ends) if (end.life === life && !end.isClosed) end.orphan(isSilent)
    this.#ends = this.#ends.filter((end) => !end.isClosed)
  }

  /** Resets connections, each of whose ends is spared with a chance of 30 %. */
  reset(): void {
    for (const end of this.#ends.splice(0)) {
      if (this.dice.chance(0.3)) this.#ends.push(end)
      else end.close(lost('reset by peer'))
    }
  }

  #listen(life: Life, at: Endpoint, accept: (connection: Connection) => void): Promise<Listener> {
    if (life.isDead) return new Promise(() => {})
    if (this.#listeners.has(at.port)) return Promise.reject(new Fault('PORT_TAKEN', `${at.port} is in use`))
    this.#listeners.set(at.port, { life, accept })
    const close = () => {
      if (this.#listeners.get(at.port)?.life === life) this.#listeners.delete(at.port)
      return Promise.resolve()
    }
    return Promise.resolve({ port: at.port, close })
  }

  #connect(life: Life, to: Endpoint, signal?: AbortSignal): Promise<Connection> {
    const refused = () => new Fault('CONNECTION_REFUSED', `${to.host}:${to.port}`, { retryable: true })
    return new Promise((resolve, reject) => {
      let isOver = false
      const giveUp = () => {
        isOver = true
        reject(refused())
      }
      const cancel = life.after(CONNECT_WAIT_MS, giveUp)
      signal?.addEventListener('abort', giveUp)
      this.travel(() => {
        if (isOver || life.isDead) return
        const listening = this.#listeners.get(to.port)
        const answered = () => {
          cancel()
          signal?.removeEventListener('abort', giveUp)
        }
        if (!listening) return this.travel(() => (answered(), life.isDead || giveUp()))
        const [here, there] = this.#pair(life, to, listening)
        this.travel(() => {
          answered()
          if (isOver || life.isDead) return here.orphan(false)
          resolve(here)
        })
        listening.life.after(0, () => listening.accept(there))
      })
    })
  }

  #pair(life: Life, to: Endpoint, listening: Listening): [End, End] {
    this.#nextPort += 1
    const here = new End(this, life, to)
    const there = new End(this, listening.life, { host: '192.0.2.7', port: this.#nextPort })
    here.other = there
    there.other = here
    this.#ends = this.#ends.filter((end) => !end.isClosed)
    this.#ends.push(here, there)
    return [here, there]
  }
}

const lost = (detail: string) => new Fault('CONNECTION_LOST', detail, { retryable: true })
