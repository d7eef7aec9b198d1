// How many connections a source has at a time. One too many is closed at once, counted and said.
//
// The last descriptors are not given to connections. Where none is left, libuv takes what waits to be accepted and closes it, and tells
// us nothing: who has sent something by then loses it, and it is counted nowhere.

import type { Disk } from '../disk.ts'
import { DESCRIPTORS_KEPT } from '../limits.ts'
import { RateLimitedWarning } from '../log.ts'
import { MORE_DESCRIPTORS } from '../open-share.ts'
import type { Platform } from '../platform.ts'
import type { Connection } from './net.ts'

const REFUSED = {
  not_allowed: 'connection refused',
  max_connections: 'connection refused',
  descriptors: `connection refused: ${MORE_DESCRIPTORS}`,
}

export class ConnectionLimit {
  readonly #source: string
  readonly #max: () => number
  readonly #platform: Platform
  readonly #warning: RateLimitedWarning
  #count = 0

  /** `max` is asked for each connection. */
  constructor(source: string, max: () => number, platform: Platform) {
    this.#source = source
    this.#max = max
    this.#platform = platform
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
  }

  /** Whether there is room for this connection: then `leave` is due when it is over. Else it is refused. */
  admits(connection: Connection): boolean {
    const max = this.#max()
    if (this.#count >= max) return this.refuse(connection, 'max_connections', { max })
    if (hasLastDescriptor(connection, this.#platform.disk)) return this.refuse(connection, 'descriptors')
    this.#changed(1)
    return true
  }

  /** Closes the connection, counts it and says why. */
  refuse(connection: Connection, reason: keyof typeof REFUSED, more: object = {}): false {
    const source = this.#source
    const peer = connection.peer.host
    this.#platform.metrics.count('sluice_connections_refused_total', { source, reason }, 1)
    this.#warning.warn({ source, ...(peer !== '' && { peer }), reason, ...more }, REFUSED[reason])
    connection.destroy()
    return false
  }

  leave(): void {
    this.#changed(-1)
  }

  #changed(by: number): void {
    this.#count += by
    this.#platform.metrics.set('sluice_connections', { source: this.#source }, this.#count)
  }
}

function hasLastDescriptor({ descriptor }: Connection, { openMax = Infinity }: Disk): boolean {
  return descriptor !== undefined && descriptor >= openMax - DESCRIPTORS_KEPT
}
