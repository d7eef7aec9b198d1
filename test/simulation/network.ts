// A network in simulated time. A connection is two ends; what one writes arrives at the other later, in pieces, in order, and
// not at all while the network is parted. Machines fall silent (a power cut), processes die (their kernel says so), and
// connections are reset at both ends or at one, so that the other only learns of it when it writes.

import { expect } from 'vitest'
import { Fault } from '../../common/fault.ts'
import { CONNECT_WAIT_MS } from '../../common/limits.ts'
import type { Connection, ConnectionEvents, Endpoint, Listener, Net } from '../../common/net/net.ts'
import type { Dice } from './dice.ts'
import type { Life } from './life.ts'
import type { Timeline } from './timeline.ts'

// What is on its way or not read yet, before writes wait.
const PIPE_BYTES_MAX = 64 * 1024

interface Write {
  readonly bytes: Buffer
  readonly resolve: () => void
  readonly reject: (reason: Error) => void
}

class End implements Connection {
  readonly peer: Endpoint
  readonly life: Life
  other!: End
  readonly #net: SimulatedNet
  #events: ConnectionEvents | undefined
  /** What has arrived and was not read. */
  #inbox: Buffer[] = []
  /** What is to arrive at the other end; bytes of it, and of the other's inbox, in `#outBytes`. */
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

  /** It is over at this end. */
  close(error: Error | undefined): void {
    if (this.#closed) return
    this.#closed = true
    this.#inbox = []
    this.#out = []
    for (const { reject } of this.#waiting.splice(0)) reject(lost('the connection has ended'))
    this.life.after(0, () => this.#events?.close(error))
  }

  /** Its process is gone, and its kernel tells the peer; or the machine, which tells nobody. */
  orphan(isSilent: boolean): void {
    // What was taken in by the dead process is forgotten, where that is counted for all of them.
    this.#events?.close(lost('its process is dead'))
    this.#closed = true
    if (isSilent) return
    if (this.#net.dice.chance(0.5)) return this.#tellOther()
    // What its kernel had taken still goes out, and then the end.
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

  // As segments and reads cut it: mostly not at all.
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

  // Everything that was written until now, or one piece of it.
  #arrive(): void {
    if (this.#closed) return
    const { dice } = this.#net
    const pieces = this.#out.splice(0, dice.chance(0.7) ? Infinity : 1)
    if (this.other.#closed) {
      // Nobody is there any more, and a machine that is up says so.
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
      // The memory is the callee's only until it returns.
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
  /** One way takes up to this, ms. */
  delayMs = 2
  /** Nothing arrives before this. */
  partedUntilMs = 0
  readonly #listeners = new Map<number, Listening>()
  #ends: End[] = []
  #nextPort = 40_000

  constructor(timeline: Timeline, dice: Dice) {
    this.timeline = timeline
    this.dice = dice
  }

  /** The network as a process sees it. */
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

  /** Calls when something that leaves now has arrived. */
  travel(call: () => void): void {
    const ms = this.dice.between(0, this.delayMs)
    this.timeline.after(ms, () => {
      const leftMs = this.partedUntilMs - this.timeline.ms
      // Sent again and again until it comes through.
      if (leftMs > 0) this.timeline.after(leftMs, () => this.travel(call))
      else call()
    })
  }

  /** A process or its machine is gone. */
  orphan(life: Life, isSilent: boolean): void {
    for (const [port, listening] of this.#listeners) if (listening.life === life) this.#listeners.delete(port)
    for (const end of this.#ends) if (end.life === life && !end.isClosed) end.orphan(isSilent)
    this.#ends = this.#ends.filter((end) => !end.isClosed)
  }

  /** Ends connections; one end may not hear of it. */
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
