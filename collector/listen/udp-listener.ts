// Receives syslog over UDP (RFC 5426), one message per datagram. There is no backpressure: when there is no room, new datagrams are
// dropped and counted. Datagrams that the kernel dropped are counted too.

import { UDP_RECEIVE_BUFFER_BYTES } from '../../common/limits.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import type { DatagramSocket, Endpoint } from '../../common/net/net.ts'
import type { Origin } from '../../common/pipeline/batch.ts'
import type { Platform } from '../../common/platform.ts'
import { DatagramIntake } from '../../common/pipeline/datagram-intake.ts'
import type { Intake } from '../../common/pipeline/intake.ts'
import { KernelDrops } from './kernel-drops.ts'
import type { ListenerSettings } from './tcp-listener.ts'

// Origins are cached per address. The cache is bounded, since a flood of forged addresses must not fill the memory.
const SENDERS_MAX = 10_000

export class UdpListener {
  readonly #settings: ListenerSettings
  readonly #platform: Platform
  readonly #sockets: DatagramSocket[] = []
  readonly #drops: KernelDrops
  readonly #datagrams: DatagramIntake
  readonly #warning: RateLimitedWarning
  /** `null` for a sender that is not allowed. */
  readonly #senders = new Map<string, Origin | null>()

  constructor(settings: ListenerSettings, platform: Platform) {
    this.#settings = settings
    this.#platform = platform
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
    this.#drops = new KernelDrops(settings.source, platform)
    const { source, messageBytesMax } = settings
    this.#datagrams = new DatagramIntake({ source, messageBytesMax, reason: 'udp_queue_full' }, platform)
  }

  /** Binds another address; resolves to its port. */
  async listen(at: Endpoint): Promise<number> {
    const socket = await this.#platform.net.bind(at, UDP_RECEIVE_BUFFER_BYTES)
    this.#sockets.push(socket)
    this.#drops.watch({ host: at.host, port: socket.port })
    const granted = `${Math.round(socket.receiveBufferBytes / 1024)} KiB`
    const reads = socket.readsMany ? 'many at once' : 'one by one'
    this.#platform.log.info(
      { source: this.#settings.source, port: socket.port, granted, reads },
      'receive buffer granted by the kernel (limited by net.core.rmem_max unless the process has CAP_NET_ADMIN)',
    )
    return socket.port
  }

  /** Begins to receive. */
  start(intake: Intake): void {
    let lastHost = ''
    let lastOrigin: Origin | null = null
    for (const socket of this.#sockets) {
      const receive = (datagram: Buffer, host: string) => {
        if (host !== lastHost) {
          lastHost = host
          lastOrigin = this.#senderOf(host)
        }
        if (lastOrigin) this.#datagrams.take(datagram, lastOrigin, intake)
        else this.#turnAway(host)
      }
      socket.start(receive, () => intake.hasRoomForBurst)
    }
    this.#drops.start()
  }

  /** Reads what the kernel has queued. Datagrams that arrive meanwhile are dropped by the kernel, and counted. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.refuse()
    await this.#datagrams.readOut()
    await this.#drops.stop()
    await Promise.all(this.#sockets.map((socket) => socket.close()))
    this.#datagrams.close()
  }

  #turnAway(host: string): void {
    const { source } = this.#settings
    this.#platform.metrics.count('sluice_dropped_total', { reason: 'not_allowed', where: source }, 1)
    this.#warning.warn(
      { source, peer: host, reason: 'not_allowed' },
      'datagram dropped: `allow:` does not list its sender',
    )
  }

  #senderOf(host: string): Origin | null {
    let origin = this.#senders.get(host)
    if (origin !== undefined) return origin
    origin = this.#settings.allows(host) ? this.#settings.originOf(host) : null
    // Evicts in insertion order, which is close enough to least recently used.
    if (this.#senders.size >= SENDERS_MAX) this.#senders.delete(this.#senders.keys().next().value!)
    this.#senders.set(host, origin)
    return origin
  }
}
