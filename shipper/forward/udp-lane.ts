// Datagrams to one receiver: best effort (RFC 5426). A batch settles when the kernel has taken its last datagram.
//
// Messages wait, or go to another receiver, while no datagram can leave this machine: the receiver's name has no address, there is no
// route to it (this machine has just started), or no descriptor is left. If nobody listens at the receiver, datagrams are lost and
// nothing waits. When the receiver's host reports that, it is logged and counted; a host does not report each of many datagrams.

import { sleep } from '../../common/clock.ts'
import { errnoOf, Fault, reasonOf } from '../../common/fault.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import type { DropReason } from '../../common/metric.ts'
import type { DatagramSender } from '../../common/net/net.ts'
import type { Platform } from '../../common/platform.ts'
import { Backoff } from '../../common/retry.ts'
import { nameOf } from './dial.ts'
import type { Given, Lane, LaneOptions, LaneOwner } from './lane.ts'
import type { WireEncoder } from './wire-encoder.ts'

// What one IPv4 datagram can carry (RFC 5426 §3.2), less some room for the header of a chunk.
export const DATAGRAM_BYTES_MAX = 65_000

export class UdpLane implements Lane {
  readonly to: string
  dropped = 0
  readonly #name: string
  readonly #encoder: WireEncoder
  readonly #platform: Platform
  readonly #owner: LaneOwner
  readonly #warning: RateLimitedWarning
  readonly #refusal: RateLimitedWarning
  readonly #sender: DatagramSender
  readonly #open = new Set<Given>()
  /** The batch of which some datagrams have been sent or lost. */
  #begun: Given | undefined
  #tail: Promise<void> = Promise.resolve()
  readonly #backoff: Backoff
  readonly #stop = new AbortController()

  constructor({ name, receiver, encoder, platform }: LaneOptions, owner: LaneOwner) {
    this.to = nameOf(receiver)
    this.#name = name
    this.#encoder = encoder
    this.#platform = platform
    this.#owner = owner
    this.#backoff = new Backoff(platform.random)
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
    this.#refusal = new RateLimitedWarning(platform.log, platform.clock)
    this.#sender = platform.net.datagramsTo(receiver, (reason) => this.#refused(reason))
  }

  /** Does nothing: UDP has no connection. */
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

  /** Keeps the batch that is being sent. Nothing is ever in doubt, since nothing is acknowledged. */
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
          // The batch was rejected by `close`, so its source sends it again.
          if (this.#stop.signal.aborted) return
          if (!waitedFor.includes(errnoOf(error))) {
            // The pieces of one message count as one.
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

  /** Whether this lane still has the batch: it was neither taken back nor rejected. */
  #isHere(given: Given): boolean {
    return !this.#stop.signal.aborted && this.#open.has(given)
  }

  async #untilReady(error: unknown): Promise<void> {
    this.#owner.changed(false)
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
    if (!this.#stop.signal.aborted) this.#owner.changed(true)
  }

  /** Counts a message that could not be sent. It is not tried again, since UDP promises nothing. */
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

/** Errors that end by themselves, so that messages wait for it. */
const waitedFor: readonly (string | undefined)[] = [
  ...['HOST_UNRESOLVED', 'ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL'],
  // No descriptor is left for a socket.
  ...['EMFILE', 'ENFILE'],
]
