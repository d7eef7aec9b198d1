// One TCP connection to one receiver, plain or under TLS (RFC 5425), kept up for as long as the lane lives.
//
//   waiting ──encode──▶ sent ──kernel took it──▶ settled
//      ▲                  │
//      └── connection lost: what was sent and not settled is sent again, here or elsewhere, and counted as in doubt
//
// The protocol has no acknowledgement (RFC 6587), nor does TLS add one: a batch settles when the kernel has taken all its bytes, and what
// the kernel took may die with the connection. The brake is the kernel's: while the peer does not read, nothing
// settles, and the queue in front of this lane fills.
//
// A receiver that stands still (it is connected and takes nothing) is left where another is there. Its connection stays: what the
// kernels have may yet be read, and that it is read is what shows that the receiver is well again. One whose machine is gone
// stands still too, though the kernel goes on taking what it is given.

import type { Cancel } from '../../common/clock.ts'
import { Fault, reasonOf } from '../../common/fault.ts'
import {
  RECEIVER_LATE_MS,
  RECEIVER_LOOK_MS,
  RECEIVER_SILENT_MS,
  RECEIVER_STILL_MS,
  RECEIVER_WELL_MS,
} from '../../common/limits.ts'
import { written } from '../../common/net/bind-fault.ts'
import type { Connection } from '../../common/net/net.ts'
import type { Platform } from '../../common/platform.ts'
import { Backoff } from '../../common/retry.ts'
import { isTlsAlert } from '../../common/tls/tls-record.ts'
import { nameOf, plainDial, type Dial } from './dial.ts'
import type { Given, Lane, LaneOptions, Overseer } from './lane.ts'
import type { WireEncoder } from './wire-encoder.ts'

// Bytes of one write: small batches are joined up to this. Writes in flight: some in the kernel, the rest behind them.
const WRITE_BYTES = 256 * 1024
const WRITES_MAX = 4

/** Batches in one write. They stay borrowed, so that they can be encoded again for the next connection. */
interface Sent {
  readonly given: readonly Given[]
  readonly bytes: Buffer
}

export class TcpLane implements Lane {
  readonly to: string
  readonly #name: string
  readonly #dial: Dial
  readonly #encoder: WireEncoder
  readonly #platform: Platform
  readonly #overseer: Overseer
  readonly #backoff: Backoff
  readonly #stop = new AbortController()
  #connection: Connection | undefined
  #connectedMs = 0
  /** Connections in a row that did not last. */
  #turn = 0
  #waiting: Given[] = []
  #sent: Sent[] = []
  /** Whether the receiver was left, and writes that are with it, and in doubt: the batches are elsewhere. */
  #isLeft = false
  #left = 0
  /** Since when its system has acknowledged nothing of what is on its way, and whether that is too long. */
  #unheardMs = 0
  #isSilent = false
  #cancelHearing: Cancel | undefined
  /** Since when it takes nothing, what it had taken by then, and whether that was said. */
  #movedMs = 0
  #takenBytes = 0
  #isLate = false
  #cancelRetry: Cancel | undefined
  #cancelWatch: Cancel | undefined

  constructor(
    { name, receiver, encoder, platform }: LaneOptions,
    overseer: Overseer,
    dial: Dial = plainDial(receiver, platform),
  ) {
    this.to = nameOf(receiver)
    this.#name = name
    this.#dial = dial
    this.#encoder = encoder
    this.#platform = platform
    this.#overseer = overseer
    this.#backoff = new Backoff(platform.random)
  }

  /** Begins to connect, and goes on trying for as long as the lane lives. */
  open(): Promise<void> {
    void this.#connect()
    return Promise.resolve()
  }

  get standsStill(): boolean {
    return this.#isLeft
  }

  give(given: Given): void {
    if (this.#stop.signal.aborted) return given.reject(this.#stopping())
    this.#waiting.push(given)
    this.#pump()
  }

  takeBack(): Given[] {
    const back = [...this.#sent.flatMap(({ given }) => given), ...this.#waiting]
    this.#sent = []
    this.#waiting = []
    return back
  }

  /** An orderly end where nothing is open. Else the connection is cut: behind a peer that reads nothing, the end would never come. */
  close(): Promise<void> {
    this.#stop.abort()
    this.#cancelRetry?.()
    this.#cancelWatch?.()
    this.#cancelHearing?.()
    // A part of it is with the kernel, and all of it comes again from its source, or a buffer, after the next start.
    this.#countInDoubt(this.#sent.flatMap(({ given }) => given))
    const rest = this.takeBack()
    for (const { reject } of rest) reject(this.#stopping())
    if (rest.length === 0 && !this.standsStill) this.#connection?.end()
    else this.#connection?.destroy()
    return Promise.resolve()
  }

  #stopping(): Fault {
    return new Fault('STOPPING', `destination ${this.#name} is closed`)
  }

  async #connect(): Promise<void> {
    const { to } = this
    try {
      const connection = await this.#dial(this.#stop.signal, this.#turn)
      if (this.#stop.signal.aborted) return connection.destroy()
      this.#platform.log.info({ destination: this.#name, to, address: written(connection.peer) }, 'connected')
      this.#use(connection)
    } catch (error) {
      this.#retry(`no connection to ${to}`, error)
    }
  }

  #use(connection: Connection): void {
    this.#connection = connection
    this.#connectedMs = this.#platform.clock.monotonicMs()
    let refusal: Error | undefined
    connection.start({
      // A syslog receiver says nothing; what it says all the same is read, so that its close is noticed.
      data(chunk) {
        if (isTlsAlert(chunk)) refusal = new Error('the peer speaks TLS on this port; write tls:// in `to`')
      },
      end: () => connection.destroy(),
      close: (error) => this.#lost(connection, refusal ?? error),
    })
    this.#overseer.changed(true)
    this.#pump()
  }

  #lost(connection: Connection, error?: Error): void {
    if (this.#connection !== connection) return
    this.#connection = undefined
    this.#isLeft = false
    this.#isSilent = false
    this.#cancelHearing?.()
    this.#cancelHearing = undefined
    if (this.#stop.signal.aborted) return
    // That the kernel took something says nothing of the receiver: one that accepts and closes (a load balancer with nobody behind it)
    // would be given the next messages, and be said to be lost, several times a second.
    const hasLasted = this.#platform.clock.monotonicMs() - this.#connectedMs >= RECEIVER_WELL_MS
    if (hasLasted) this.#backoff.reset()
    this.#turn = hasLasted ? 0 : this.#turn + 1
    const again = this.#sent.flatMap(({ given }) => given)
    this.#countInDoubt(again)
    this.#sent = []
    this.#cancelWatch?.()
    this.#waiting.unshift(...again)
    this.#retry(`connection to ${this.to} lost`, error ?? new Error('the peer closed it'))
  }

  #countInDoubt(given: readonly Given[]): void {
    const messages = given.reduce((sum, { batch }) => sum + batch.count, 0)
    if (messages === 0) return
    this.#platform.metrics.count('sluice_in_doubt_total', { destination: this.#name }, messages)
  }

  #retry(what: string, error: unknown): void {
    if (this.#stop.signal.aborted) return
    this.#overseer.changed(false)
    const ms = this.#backoff.nextMs()
    const reason = reasonOf(error)
    this.#platform.metrics.count('sluice_reconnects_total', { destination: this.#name }, 1)
    this.#platform.log.warn({ destination: this.#name, reason, retryMs: Math.round(ms) }, what)
    this.#cancelRetry = this.#platform.clock.after(ms, () => void this.#connect())
  }

  #pump(): void {
    const connection = this.#connection
    if (this.#isLeft || this.#isSilent) return
    while (connection && this.#waiting.length > 0 && this.#sent.length < WRITES_MAX) {
      const sent = this.#encode()
      this.#sent.push(sent)
      if (this.#sent.length === 1) this.#watch()
      this.#hear(connection)
      connection.write(sent.bytes).then(
        () => this.#settle(sent, connection),
        () => {}, // the connection's close event follows, and that is where the loss is handled
      )
    }
  }

  #encode(): Sent {
    const given: Given[] = []
    do {
      const next = this.#waiting.shift()!
      this.#encoder.add(next.batch)
      given.push(next)
    } while (this.#waiting.length > 0 && this.#encoder.length < WRITE_BYTES)
    return { given, bytes: this.#encoder.take() }
  }

  // Writes of one connection settle in their order. One that belongs to an earlier connection is no longer in the line.
  #settle(sent: Sent, connection: Connection): void {
    if (this.#isLeft && connection === this.#connection) {
      this.#left -= 1
      return this.#comeBack()
    }
    if (this.#sent[0] !== sent) return
    this.#sent.shift()
    if (this.#sent.length > 0) this.#watch()
    else this.#cancelWatch?.()
    this.#encoder.giveBack(sent.bytes)
    for (const { resolve } of sent.given) resolve()
    this.#pump()
  }

  // A peer that reads nothing keeps its connection for as long as its kernel answers, and all that is seen here is a queue that
  // fills.
  #watch(): void {
    this.#movedMs = this.#platform.clock.monotonicMs()
    this.#isLate = false
    this.#lookLater()
  }

  #lookLater(): void {
    this.#takenBytes = this.#connection?.takenBytes ?? 0
    this.#cancelWatch?.()
    this.#cancelWatch = this.#platform.clock.after(RECEIVER_LATE_MS, () => this.#look())
  }

  #look(): void {
    // Of one large write a slow receiver takes a part at a time.
    if ((this.#connection?.takenBytes ?? 0) > this.#takenBytes) return this.#watch()
    const silentMs = this.#platform.clock.monotonicMs() - this.#movedMs
    const values = { destination: this.#name, to: this.to, seconds: Math.round(silentMs / 1000) }
    if (silentMs >= RECEIVER_STILL_MS && this.#overseer.mayLeave()) {
      this.#platform.log.warn(
        values,
        'the receiver accepts nothing and is abandoned: waiting messages go to another one',
      )
      return this.#leave()
    }
    if (!this.#isLate) this.#platform.log.warn(values, 'the receiver is slow: it accepts nothing more')
    this.#isLate = true
    this.#lookLater()
  }

  #leave(): void {
    this.#cancelWatch?.()
    this.#isLeft = true
    this.#left = this.#sent.length
    this.#countInDoubt(this.#sent.flatMap(({ given }) => given))
    this.#overseer.changed(false)
  }

  #comeBack(): void {
    if (!this.#isLeft || this.#left > 0 || this.#isSilent) return
    this.#isLeft = false
    this.#platform.log.info({ destination: this.#name, to: this.to }, 'the receiver accepts messages again')
    this.#overseer.changed(true)
    this.#pump()
  }

  // ── whether its system hears us ──

  #hear(connection: Connection): void {
    if (this.#cancelHearing) return
    this.#unheardMs = this.#platform.clock.monotonicMs()
    const listen = () => {
      this.#cancelHearing = this.#platform.clock.after(RECEIVER_LOOK_MS, () => {
        this.#cancelHearing = undefined
        if (this.#connection === connection && this.#isUnheard(connection)) listen()
      })
    }
    listen()
  }

  /** Whether something on its way is not acknowledged. */
  #isUnheard({ unacknowledgedMs = 0 }: Connection): boolean {
    const nowMs = this.#platform.clock.monotonicMs()
    // After a silence, an acknowledgement that was long ago says nothing of what was sent since.
    if (unacknowledgedMs < nowMs - this.#unheardMs) {
      this.#unheardMs = nowMs
      if (this.#isSilent) this.#isHeardAgain()
      return unacknowledgedMs > 0
    }
    const silentMs = nowMs - this.#unheardMs
    const values = { destination: this.#name, to: this.to, seconds: Math.round(silentMs / 1000) }
    if (!this.#isSilent && silentMs >= RECEIVER_SILENT_MS) {
      this.#isSilent = true
      this.#platform.log.warn(
        values,
        'the machine of the receiver does not respond: nothing more is sent to it until it does',
      )
    }
    if (!this.#isLeft && silentMs >= RECEIVER_STILL_MS && this.#overseer.mayLeave()) {
      this.#platform.log.warn(
        values,
        'the machine of the receiver does not respond and is abandoned: waiting messages go to another one',
      )
      this.#leave()
    }
    return true
  }

  #isHeardAgain(): void {
    this.#isSilent = false
    this.#platform.log.info({ destination: this.#name, to: this.to }, 'the machine of the receiver responds again')
    this.#comeBack()
    this.#pump()
  }
}
