// Connections to a `unix` source: any framing of syslog (syslog(3) ends a message with NUL), split as on TCP.
//
//   drop-newest   read on; a message that there is no room for is counted and dropped
//   block         all connections stop being read until there is room, and their senders wait

import { CONNECTIONS_MAX } from '../../common/limits.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import type { Connection } from '../../common/net/net.ts'
import { hasLastDescriptor, LAST_DESCRIPTOR } from '../../common/open-share.ts'
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
  readonly #platform: Platform
  readonly #overflow: Overflow | undefined
  readonly #streams: StreamIntake
  readonly #warning: RateLimitedWarning
  #count = 0
  #stopped = false

  constructor({ origin, messageBytesMax, whenFull }: UnixStreamSettings, platform: Platform) {
    this.#origin = origin
    this.#platform = platform
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
    if (whenFull === 'drop-newest') this.#overflow = new Overflow(origin.source, 'unix_queue_full', platform)
    const settings = { framing: 'auto', messageBytesMax, overflow: this.#overflow } as const
    this.#streams = new StreamIntake(settings, { left: () => this.#changed(-1) }, platform)
  }

  accept(connection: Connection): void {
    const { source } = this.#origin
    if (this.#stopped) return connection.destroy()
    const isLast = hasLastDescriptor(connection, this.#platform.disk)
    if (isLast || this.#count >= CONNECTIONS_MAX) {
      const reason = isLast ? 'descriptors' : 'max_connections'
      this.#platform.metrics.count('sluice_connections_refused_total', { source, reason }, 1)
      this.#warning.warn({ source, reason }, isLast ? LAST_DESCRIPTOR : 'connection refused')
      return connection.destroy()
    }
    this.#changed(1)
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

  #changed(by: number): void {
    this.#count += by
    this.#platform.metrics.set('sluice_connections', { source: this.#origin.source }, this.#count)
  }
}
