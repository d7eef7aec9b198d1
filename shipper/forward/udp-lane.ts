// Datagrams to one receiver: best effort (RFC 5426). A batch settles when the kernel has taken its last datagram. While the receiver's
// name has no address, or this machine no network that leads there (it has just been started) or no descriptor left, nothing can leave, and
// so nothing need be lost: it waits, or goes to another receiver. Where nobody listens, what is sent is lost as ever, and nobody is made to wait for it; that the receiver's host
// says so is said here, and counted: of many datagrams it does not speak of each.

import { sleep } from '../../common/clock.ts'
import { errnoOf, Fault, reasonOf } from '../../common/fault.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import type { DropReason } from '../../common/metric.ts'
import type { DatagramSender } from '../../common/net/net.ts'
import type { Platform } from '../../common/platform.ts'
import { Backoff } from '../../common/retry.ts'
import type { Given, Lane, LaneOptions, Overseer } from './lane.ts'
import type { WireEncoder } from './wire-encoder.ts'

// What one IPv4 datagram can carry, less some room for a chunk's header (RFC 5426 §3.2).
export const DATAGRAM_BYTES_MAX = 65_000

export class UdpLane implements Lane {
  readonly to: string
  dropped = 0
  readonly #name: string
  readonly #encoder: WireEncoder
  readonly #platform: Platform
  readonly #overseer: Overseer
  readonly #warning: RateLimitedWarning
  readonly #refusal: RateLimitedWarning
  readonly #sender: DatagramSender
  readonly #open = new Set<Given>()
  /** Some of its datagrams are on their way, or lost. */
  #begun: Given | undefined
  #tail: Promise<void> = Promise.resolve()
  readonly #backoff: Backoff
  readonly #stop = new AbortController()

  constructor({ name, receiver, encoder, platform }: LaneOptions, overseer: Overseer) {
    this.to = `${receiver.host}:${receiver.port}`
    this.#name = name
    this.#encoder = encoder
    this.#platform = platform
    this.#overseer = overseer
    this.#backoff = new Backoff(platform.random)
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
    this.#refusal = new RateLimitedWarning(platform.log, platform.clock)
    this.#sender = platform.net.datagramsTo(receiver, (reason) => this.#refused(reason))
  }

  /** There is nothing to wait for. */
  open(): Promise<void> {
    return Promise.resolve()
  }

  give(given: Given): void {
    if (this.#stop.signal.aborted) return given.reject(this.#stopping())
    this.#open.add(given)
    this.#tail = this.#tail.then(async () => {
      await this.#send(given)
      if (this.#open.delete(given)) given.resolve()
    })
  }

  /** Nobody answers: what was begun stays here, and is never in doubt. */
  takeBack(): Given[] {
    const back = [...this.#open].filter((given) => given !== this.#begun)
    for (const given of back) this.#open.delete(given)
    return back
  }

  async close(): Promise<void> {
    this.#stop.abort()
    for (const { reject } of this.#open) reject(this.#stopping())
    this.#open.clear()
    await this.#sender.close()
  }

  #stopping(): Fault {
    return new Fault('STOPPING', `destination ${this.#name} is closed`)
  }

  async #send(given: Given): Promise<void> {
    if (!this.#isHere(given)) return
    let lost = -1
    for (const datagram of this.#encoder.datagrams(given.batch, DATAGRAM_BYTES_MAX)) {
      for (;;) {
        try {
          await this.#sender.send(datagram)
          this.#begun = given
          this.#backoff.reset()
          break
        } catch (error) {
          // Its batch is given back, and is not lost.
          if (this.#stop.signal.aborted) return
          if (!waitedFor.includes(errnoOf(error))) {
            // Pieces of one message are one message.
            if (this.#encoder.at !== lost) this.#lost(error)
            lost = this.#encoder.at
            this.#begun = given
            break
          }
          await this.#untilReady(error)
        }
        if (!this.#isHere(given)) return
      }
      if (!this.#isHere(given)) return
    }
  }

  /** Whether it is neither another receiver's now nor given back. */
  #isHere(given: Given): boolean {
    return !this.#stop.signal.aborted && this.#open.has(given)
  }

  async #untilReady(error: unknown): Promise<void> {
    this.#overseer.changed(false)
    for (let reason = error; ;) {
      await this.#wait(reason)
      if (this.#stop.signal.aborted) return
      try {
        await this.#sender.ready()
        break
      } catch (again) {
        reason = again
      }
    }
    if (!this.#stop.signal.aborted) this.#overseer.changed(true)
  }

  /** There is nobody to send it again for: the sender of a datagram never learns of its loss. */
  #lost(error: unknown): void {
    this.#drop('udp_send')
    this.#warning.warn({ destination: this.#name, to: this.to, reason: reasonOf(error) }, 'datagram not sent')
  }

  #refused(error: Error): void {
    this.#drop('udp_refused')
    this.#refusal.warn(
      { destination: this.#name, to: this.to, reason: reasonOf(error) },
      'datagrams did not arrive: the host of the receiver reports that nobody is listening',
    )
  }

  #drop(reason: DropReason): void {
    this.dropped += 1
    this.#platform.metrics.count('sluice_dropped_total', { reason, where: this.#name }, 1)
  }

  async #wait(error: unknown): Promise<void> {
    const { clock, log, metrics } = this.#platform
    const ms = this.#backoff.nextMs()
    metrics.count('sluice_write_errors_total', { destination: this.#name }, 1)
    log.warn({ destination: this.#name, reason: reasonOf(error), retryMs: Math.round(ms) }, `cannot send to ${this.to}`)
    await sleep(clock, ms, this.#stop.signal)
  }
}

const waitedFor: readonly (string | undefined)[] = [
  ...['HOST_UNRESOLVED', 'ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL'],
  // No descriptor for a socket.
  ...['EMFILE', 'ENFILE'],
]
