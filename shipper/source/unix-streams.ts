// Connections to a `unix` source: any framing of syslog (syslog(3) ends a message with NUL), split as on TCP.
//
//   drop-newest   read on; a message that there is no room for is counted and dropped
//   block         all connections stop being read until there is room, and their senders wait

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

  /** Reads what was sent until now, and no more; half frames come out. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#streams.stop()
    this.#overflow?.close()
  }
}
