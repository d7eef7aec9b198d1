// Datagrams to one receiver: best effort (RFC 5426). A batch settles when the kernel has taken its last datagram.

import { Fault, reasonOf } from '../../common/fault.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import type { DatagramSocket, Endpoint } from '../../common/net/net.ts'
import type { Batch } from '../../common/pipeline/batch.ts'
import type { Platform } from '../../common/platform.ts'
import type { Given, Lane } from './lane.ts'
import type { WireEncoder } from './wire-encoder.ts'

// What one IPv4 datagram can carry, less some room for a chunk's header (RFC 5426 §3.2).
export const DATAGRAM_BYTES_MAX = 65_000

export class UdpLane implements Lane {
  readonly to: string
  readonly #name: string
  readonly #receiver: Endpoint
  readonly #encoder: WireEncoder
  readonly #platform: Platform
  readonly #warning: RateLimitedWarning
  #socket: DatagramSocket | undefined
  readonly #open = new Set<Given>()
  #tail: Promise<void> = Promise.resolve()
  #closed = false

  constructor(name: string, receiver: Endpoint, encoder: WireEncoder, platform: Platform) {
    this.to = `${receiver.host}:${receiver.port}`
    this.#name = name
    this.#receiver = receiver
    this.#encoder = encoder
    this.#platform = platform
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
  }

  async open(): Promise<void> {
    this.#socket = await this.#platform.net.bind(undefined)
  }

  give(given: Given): void {
    if (this.#closed) return given.reject(this.#stopping())
    this.#open.add(given)
    this.#tail = this.#tail.then(async () => {
      if (this.#closed) return
      await this.#send(given.batch)
      if (this.#open.delete(given)) given.resolve()
    })
  }

  /** Nothing: nobody answers, so this receiver is never known to be lost. */
  takeBack(): Given[] {
    return []
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const { reject } of this.#open) reject(this.#stopping())
    this.#open.clear()
    await this.#socket?.close()
  }

  #stopping(): Fault {
    return new Fault('STOPPING', `destination ${this.#name} is closed`)
  }

  async #send(batch: Batch): Promise<void> {
    for (const datagram of this.#encoder.datagrams(batch, DATAGRAM_BYTES_MAX)) {
      if (this.#closed) return
      try {
        await this.#socket!.send(datagram, this.#receiver)
      } catch (error) {
        // There is nobody to send it again for: the sender of a datagram never learns of its loss.
        const reason = reasonOf(error)
        this.#platform.metrics.count('sluice_dropped_total', { reason: 'udp_send', where: this.#name }, 1)
        this.#warning.warn({ destination: this.#name, reason }, 'datagram not sent')
      }
    }
  }
}
