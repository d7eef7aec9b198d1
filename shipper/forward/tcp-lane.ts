// The TCP connection to one receiver, plain or with TLS (RFC 5425), renewed until the lane is closed.
//
//   waiting ──encode──▶ sent ──kernel took it──▶ settled
//      ▲                  │
//      └── connection lost: batches that were sent and not settled are sent again, here or elsewhere, and counted as in doubt
//
// Syslog over TCP has no acknowledgement (RFC 6587), and TLS adds none. A batch settles when the kernel has taken all its bytes, and
// what the kernel has taken may be lost with the connection. Backpressure comes from the kernel: while the peer does not read,
// nothing settles, and the queue in front of this lane fills.
//
// A receiver that stands still (it is connected and accepts nothing) is abandoned if another one is available. Its connection stays
// open: what the kernels hold may still be read, and only that shows that the receiver is well again. A receiver whose machine
// does not respond counts as standing still too, although the local kernel would accept more for it.

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
import type { Given, Lane, LaneOptions, LaneOwner } from './lane.ts'
import type { WireEncoder } from './wire-encoder.ts'

// Small batches are joined to writes of about this many bytes. Of the writes in flight, the kernel has some, and the others queue.
const WRITE_BYTES = 256 * 1024
const WRITES_MAX = 4

/** The batches in one write. They stay borrowed, so that they can be encoded again for the next connection. */
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
  readonly #owner: LaneOwner
  readonly #backoff: Backoff
  readonly #stop = new AbortController()
  #connection: Connection | undefined
  #connectedMs = 0
  /** Number of connections in a row that did not last. */
  #turn = 0
  #waiting: Given[] = []
  #sent: Sent[] = []
  /** Whether the receiver was abandoned; and how many writes were then in flight to it. Their batches are in doubt and elsewhere. */
  #isAbandoned = false
  #abandonedWrites = 0
  /** Since when its kernel has acknowledged nothing (monotonic ms), and whether that has lasted `RECEIVER_SILENT_MS`. */
  #unheardMs = 0
  #isSilent = false
  #cancelHearing: Cancel | undefined
  /** Since when the connection accepts nothing (monotonic ms), the bytes accepted by then, and whether that was logged. */
  #movedMs = 0
  #takenBytes = 0
  #isLate = false
  #cancelRetry: Cancel | undefined
  #cancelWatch: Cancel | undefined

  constructor(
    { name, receiver, encoder, platform }: LaneOptions,
    owner: LaneOwner,
    dial: Dial = plainDial(receiver, platform),
  ) {
    this.to = nameOf(receiver)
    this.#name = name
    this.#dial = dial
    this.#encoder = encoder
    this.#platform = platform
    this.#owner = owner
    this.#backoff = new Backoff(platform.random)
  }

  /** Starts to connect, and keeps trying until `close`. */
  open(): Promise<void> {
    void this.#connect()
    return Promise.resolve()
  }

  get standsStill(): boolean {
    return this.#isAbandoned
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

  /** Ends the connection in order if nothing is open, else destroys it: with a peer that reads nothing, the end would never come. */
  close(): Promise<void> {
    this.#stop.abort()
    this.#cancelRetry?.()
    this.#cancelWatch?.()
    this.#cancelHearing?.()
    // The kernel has part of these batches, and a source or a buffer sends all of them again after the next start.
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
      // A syslog receiver sends nothing. If it does, that is read and discarded, so that its close is noticed.
      data(chunk) {
        if (isTlsAlert(chunk)) refusal = new Error('the peer speaks TLS on this port; write tls:// in `to`')
      },
      end: () => connection.destroy(),
      close: (error) => this.#lost(connection, refusal ?? error),
    })
    this.#owner.changed(true)
    this.#pump()
  }

  #lost(connection: Connection, error?: Error): void {
    if (this.#connection !== connection) return
    this.#connection = undefined
    this.#isAbandoned = false
    this.#isSilent = false
    this.#cancelHearing?.()
    this.#cancelHearing = undefined
    if (this.#stop.signal.aborted) return
    // What the kernel has accepted says nothing about the receiver. Otherwise one that accepts connections and closes them (a load
    // balancer with no backend) would be given messages, and be logged as lost, several times a second.
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
    this.#owner.changed(false)
    const ms = this.#backoff.nextMs()
    const reason = reasonOf(error)
    this.#platform.log.warn({ destination: this.#name, reason, retryMs: Math.round(ms) }, what)
    this.#cancelRetry = this.#platform.clock.after(ms, () => {
      this.#platform.metrics.count('sluice_reconnects_total', { destination: this.#name }, 1)
      void this.#connect()
    })
  }

  #pump(): void {
    const connection = this.#connection
    if (this.#isAbandoned || this.#isSilent) return
    while (connection && this.#waiting.length > 0 && this.#sent.length < WRITES_MAX) {
      const sent = this.#encode()
      this.#sent.push(sent)
      if (this.#sent.length === 1) this.#watch()
      this.#hear(connection)
      connection.write(sent.bytes).then(
        () => this.#settle(sent, connection),
        () => {}, // the close event of the connection follows, which handles the loss
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

  // Writes of one connection settle in order. Writes of an earlier connection are no longer in `#sent`.
  #settle(sent: Sent, connection: Connection): void {
    if (this.#isAbandoned && connection === this.#connection) {
      this.#abandonedWrites -= 1
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

  // The connection to a peer that reads nothing stays up as long as the peer's kernel answers: the only sign is that no write settles.
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
    // A slow receiver may accept one large write in parts.
    if ((this.#connection?.takenBytes ?? 0) > this.#takenBytes) return this.#watch()
    const silentMs = this.#platform.clock.monotonicMs() - this.#movedMs
    const values = { destination: this.#name, to: this.to, seconds: Math.round(silentMs / 1000) }
    if (silentMs >= RECEIVER_STILL_MS && this.#owner.mayLeave()) {
      this.#platform.log.warn(
        values,
        'the receiver accepts nothing and is abandoned: waiting messages go to another one',
      )
      return this.#abandon()
    }
    if (!this.#isLate) this.#platform.log.warn(values, 'the receiver is slow: it accepts nothing more')
    this.#isLate = true
    this.#lookLater()
  }

  #abandon(): void {
    this.#cancelWatch?.()
    this.#isAbandoned = true
    this.#abandonedWrites = this.#sent.length
    this.#countInDoubt(this.#sent.flatMap(({ given }) => given))
    this.#owner.changed(false)
  }

  #comeBack(): void {
    if (!this.#isAbandoned || this.#abandonedWrites > 0 || this.#isSilent) return
    this.#isAbandoned = false
    this.#platform.log.info({ destination: this.#name, to: this.to }, 'the receiver accepts messages again')
    this.#owner.changed(true)
    this.#pump()
  }

  // ── whether the machine of the receiver responds ──

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

  /** Whether sent bytes are not acknowledged by the peer's kernel. Abandons the receiver if that lasts too long. */
  #isUnheard({ unacknowledgedMs = 0 }: Connection): boolean {
    const nowMs = this.#platform.clock.monotonicMs()
    // Only an acknowledgement that is younger than `#unheardMs` counts; an older one says nothing about what was sent since.
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
    if (!this.#isAbandoned && silentMs >= RECEIVER_STILL_MS && this.#owner.mayLeave()) {
      this.#platform.log.warn(
        values,
        'the machine of the receiver does not respond and is abandoned: waiting messages go to another one',
      )
      this.#abandon()
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
