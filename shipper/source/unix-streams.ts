// The connections of a `unix` source with `socket: stream`. Any syslog framing is accepted, as on TCP; syslog(3) ends each message
// with a NUL. If the destinations have no room:
//
//   drop-newest   reading goes on; messages for which there is no room are dropped and counted
//   block         no connection is read until there is room, and the senders wait

import { CONNECTIONS_MAX } from '../../common/limits.ts'
import { ConnectionLimit } from '../../common/net/connection-limit.ts'
import type { Connection } from '../../common/net/net.ts'
import type { Origin } from '../../common/pipeline/batch.ts'
import type { Intake } from '../../common/pipeline/intake.ts'
import { Overflow } from '../../common/pipeline/overflow.ts'
import { StreamIntake } from '../../common/pipeline/stream-intake.ts'
import type { Platform } from '../../common/platform.ts'

export interface UnixStreamSettings {
  readonly origin: Origin
  readonly messageBytesMax: number
  readonly whenFull: 'drop-newest' | 'block'
}

export class UnixStreams {
  readonly #origin: Origin
  readonly #limit: ConnectionLimit
  readonly #overflow: Overflow | undefined
  readonly #streams: StreamIntake
  #stopped = false

  constructor({ origin, messageBytesMax, whenFull }: UnixStreamSettings, platform: Platform) {
    this.#origin = origin
    this.#limit = new ConnectionLimit(origin.source, () => CONNECTIONS_MAX, platform)
    if (whenFull === 'drop-newest') this.#overflow = new Overflow(origin.source, 'unix_queue_full', platform)
    const settings = { framing: 'auto', messageBytesMax, overflow: this.#overflow } as const
    this.#streams = new StreamIntake(settings, { left: () => this.#limit.leave() }, platform)
  }

  accept(connection: Connection): void {
    if (this.#stopped) return connection.destroy()
    if (!this.#limit.admits(connection)) return
    this.#streams.take(connection, this.#origin)
  }

  start(intake: Intake): void {
    this.#streams.start(intake)
  }

  /** Before the socket is closed: accepts the connections that wait for it. */
  acceptQueued(): Promise<void> {
    return this.#streams.acceptQueued()
  }

  /** Reads what has been sent so far and then stops. Incomplete frames are delivered. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#streams.stop()
    this.#overflow?.close()
  }
}
