// Limits the number of connections of a source. A connection beyond the limit is closed at once, counted and logged.
//
// The last file descriptors are not given to connections. When a process has none left, libuv accepts and closes waiting connections
// without telling the program: what their senders have sent by then is lost and not counted.

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

  /** `max` is called for each connection. */
  constructor(source: string, max: () => number, platform: Platform) {
    this.#source = source
    this.#max = max
    this.#platform = platform
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
  }

  /** Whether this connection is admitted; if not, it is refused. For an admitted connection, call `leave` when it has closed. */
  admits(connection: Connection): boolean {
    const max = this.#max()
    if (this.#count >= max) return this.refuse(connection, 'max_connections', { max })
    if (hasLastDescriptor(connection, this.#platform.disk)) return this.refuse(connection, 'descriptors')
    this.#changed(1)
    return true
  }

  /** Closes the connection, counts it and logs the reason. */
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
