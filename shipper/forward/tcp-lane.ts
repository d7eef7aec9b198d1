// One plain TCP connection to one of several receivers, kept up for as long as the destination lives.
//
//   waiting ──encode──▶ sent ──kernel took it──▶ settled
//      ▲                  │
//      └── connection lost: what was sent and not settled is sent again, and counted as in doubt
//
// The protocol has no acknowledgement (RFC 6587): a batch settles when the kernel has taken all its bytes, and what
// the kernel took may die with the connection. The brake is the kernel's: while the peer does not read, nothing
// settles, and the queue in front of this lane fills.

import type { Cancel } from '../../common/clock.ts'
import { Fault, reasonOf } from '../../common/fault.ts'
import type { Connection, Endpoint } from '../../common/net/net.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import type { Platform } from '../../common/platform.ts'
import { Backoff } from '../../common/retry.ts'
import type { WireEncoder } from './wire-encoder.ts'

// Bytes of one write: small batches are joined up to this. Writes in flight: some in the kernel, the rest behind them.
const WRITE_BYTES = 256 * 1024
const WRITES_MAX = 4

interface Pending {
  readonly batch: Batch
  readonly resolve: () => void
  readonly reject: (fault: Fault) => void
}

/** Batches in one write. They stay borrowed, so that they can be encoded again for the next connection. */
interface Sent {
  readonly pending: readonly Pending[]
  readonly bytes: Buffer
}

export class TcpLane {
  readonly #name: string
  readonly #receivers: readonly Endpoint[]
  readonly #encoder: WireEncoder
  readonly #platform: Platform
  readonly #backoff: Backoff
  readonly #stop = new AbortController()
  #next = 0
  #connection: Connection | undefined
  #waiting: Pending[] = []
  #sent: Sent[] = []
  #cancelRetry: Cancel | undefined
  #whenIdle: (() => void) | undefined

  constructor(name: string, receivers: readonly Endpoint[], encoder: WireEncoder, platform: Platform) {
    this.#name = name
    this.#receivers = receivers
    this.#encoder = encoder
    this.#platform = platform
    this.#backoff = new Backoff(platform.random)
  }

  /** Begins to connect, and goes on trying for as long as the lane lives. */
  open(): Promise<void> {
    void this.#connect()
    return Promise.resolve()
  }

  write(batch: Batch): Promise<void> {
    if (this.#stop.signal.aborted) return Promise.reject(this.#stopping())
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, resolve, reject })
      this.#pump()
    })
  }

  /**
   * Waits up to `deadlineMs` for what is open and ends the connection in order; where that was not enough, rejects the rest
   * and cuts the connection: behind a peer that reads nothing, an orderly end would never come.
   */
  async close(deadlineMs: number): Promise<void> {
    if (this.#open > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.#platform.clock.after(deadlineMs, resolve)
        this.#whenIdle = () => {
          cancel()
          resolve()
        }
      })
    }
    this.#stop.abort()
    this.#cancelRetry?.()
    const rest = [...this.#sent.flatMap(({ pending }) => pending), ...this.#waiting]
    this.#sent = []
    this.#waiting = []
    for (const { reject } of rest) reject(this.#stopping())
    if (rest.length === 0) this.#connection?.end()
    else this.#connection?.destroy()
  }

  get #open(): number {
    return this.#sent.length + this.#waiting.length
  }

  #stopping(): Fault {
    return new Fault('STOPPING', `destination ${this.#name} is closed`)
  }

  async #connect(): Promise<void> {
    const receiver = this.#receivers[this.#next]
    const to = `${receiver.host}:${receiver.port}`
    try {
      const connection = await this.#platform.net.connect(receiver, this.#stop.signal)
      if (this.#stop.signal.aborted) return connection.destroy()
      this.#platform.log.info({ destination: this.#name, to }, 'connected')
      this.#use(connection, to)
    } catch (error) {
      this.#retry(`no connection to ${to}`, error)
    }
  }

  #use(connection: Connection, to: string): void {
    this.#connection = connection
    connection.start({
      // A syslog receiver says nothing; what it says all the same is read, so that its close is noticed.
      data: () => {},
      end: () => connection.destroy(),
      close: (error) => this.#lost(connection, to, error),
    })
    this.#pump()
  }

  #lost(connection: Connection, to: string, error?: Error): void {
    if (this.#connection !== connection) return
    this.#connection = undefined
    if (this.#stop.signal.aborted) return
    const again = this.#sent.flatMap(({ pending }) => pending)
    const messages = again.reduce((sum, { batch }) => sum + batch.count, 0)
    if (messages > 0) {
      this.#platform.metrics.count('sluice_in_doubt_total', { destination: this.#name }, messages)
    }
    this.#sent = []
    this.#waiting.unshift(...again)
    this.#retry(`connection to ${to} lost`, error ?? new Error('the peer closed it'))
  }

  #retry(what: string, error: unknown): void {
    if (this.#stop.signal.aborted) return
    this.#next = (this.#next + 1) % this.#receivers.length
    const ms = this.#backoff.nextMs()
    const reason = reasonOf(error)
    this.#platform.metrics.count('sluice_reconnects_total', { destination: this.#name }, 1)
    this.#platform.log.warn({ destination: this.#name, reason, retryMs: Math.round(ms) }, what)
    this.#cancelRetry = this.#platform.clock.after(ms, () => void this.#connect())
  }

  #pump(): void {
    const connection = this.#connection
    while (connection && this.#waiting.length > 0 && this.#sent.length < WRITES_MAX) {
      const sent = this.#encode()
      this.#sent.push(sent)
      connection.write(sent.bytes).then(
        () => this.#settle(sent),
        () => {}, // the connection's close event follows, and that is where the loss is handled
      )
    }
  }

  #encode(): Sent {
    const pending: Pending[] = []
    do {
      const next = this.#waiting.shift()!
      this.#encoder.add(next.batch)
      pending.push(next)
    } while (this.#waiting.length > 0 && this.#encoder.length < WRITE_BYTES)
    return { pending, bytes: this.#encoder.take() }
  }

  // Writes of one connection settle in their order. One that belongs to an earlier connection is no longer in the line.
  #settle(sent: Sent): void {
    if (this.#sent[0] !== sent) return
    this.#backoff.reset()
    this.#sent.shift()
    this.#encoder.giveBack(sent.bytes)
    for (const { resolve } of sent.pending) resolve()
    this.#pump()
    if (this.#open === 0) this.#whenIdle?.()
  }
}
