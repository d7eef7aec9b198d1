// Syslog over UDP (RFC 5426): one message a datagram. It cannot be braked: what there is no room for is dropped, the newest
// first, and counted; what the kernel dropped before us is read from it and counted too.

import { octetCount, readOctetCount } from '../../common/framing/octet-count.ts'
import { UDP_RECEIVE_BUFFER_BYTES } from '../../common/limits.ts'
import { RateLimitedWarning } from '../../common/log.ts'
import { defectBit } from '../../common/message/defects.ts'
import { MessageChunks, textBoundary } from '../../common/message/chunk.ts'
import type { DatagramSocket, Endpoint } from '../../common/net/net.ts'
import type { Origin } from '../../common/pipeline/batch.ts'
import type { Platform } from '../../common/platform.ts'
import { newId } from '../../common/random.ts'
import type { Intake } from '../../common/pipeline/intake.ts'
import { KernelDrops } from './kernel-drops.ts'
import type { ListenerSettings } from './tcp-listener.ts'

const NUL = 0x00
const LF = 0x0a
const CR = 0x0d
const FRAME_COUNT_IN_DATAGRAM = defectBit('FRAME_COUNT_IN_DATAGRAM')

// Senders are remembered by address; a flood of forged ones must not fill the memory.
const SENDERS_MAX = 10_000

export class UdpListener {
  readonly #settings: ListenerSettings
  readonly #platform: Platform
  readonly #sockets: DatagramSocket[] = []
  readonly #drops: KernelDrops
  readonly #warning: RateLimitedWarning
  /** `null` for a sender that is not allowed. */
  readonly #senders = new Map<string, Origin | null>()
  #droppedSince = 0
  #droppedInAll = 0

  constructor(settings: ListenerSettings, platform: Platform) {
    this.#settings = settings
    this.#platform = platform
    this.#drops = new KernelDrops(settings.source, platform)
    this.#warning = new RateLimitedWarning(platform.log, platform.clock)
  }

  /** Binds one more address; resolves to its port. */
  async listen(at: Endpoint): Promise<number> {
    const socket = await this.#platform.net.bind(at, UDP_RECEIVE_BUFFER_BYTES)
    this.#sockets.push(socket)
    this.#drops.watch({ host: at.host, port: socket.port })
    const granted = `${Math.round(socket.receiveBufferBytes / 1024)} KiB`
    this.#platform.log.info(
      { source: this.#settings.source, port: socket.port, granted },
      'receive buffer granted by the kernel (net.core.rmem_max bounds it)',
    )
    return socket.port
  }

  /** Begins to receive. */
  start(intake: Intake): void {
    let lastHost = ''
    let lastOrigin: Origin | null = null
    for (const socket of this.#sockets) {
      socket.start((datagram, host) => {
        if (host !== lastHost) {
          lastHost = host
          lastOrigin = this.#senderOf(host)
        }
        if (lastOrigin) this.#take(datagram, lastOrigin, intake)
        else
          this.#platform.metrics.count(
            'sluice_dropped_total',
            { reason: 'not_allowed', where: this.#settings.source },
            1,
          )
      })
    }
    this.#drops.start()
  }

  async stop(): Promise<void> {
    await this.#drops.stop()
    await Promise.all(this.#sockets.map((socket) => socket.close()))
    this.#countDropped()
  }

  #take(datagram: Buffer, origin: Origin, intake: Intake): void {
    let start = 0
    let end = datagram.length
    while (end > start && isTerminator(datagram[end - 1])) end -= 1
    if (end === start) return
    if (!intake.takes(end)) {
      // Counted in one step for many: a metric a datagram would slow down what is too slow already.
      this.#droppedSince += 1
      if (this.#droppedSince === 1) this.#platform.clock.soon(() => this.#countDropped())
      return
    }
    let mark = 0
    const first = datagram[0]
    if (first >= 0x30 && first <= 0x39 && readOctetCount(datagram, 0, end) === true) {
      start = octetCount.start
      mark = FRAME_COUNT_IN_DATAGRAM
    }
    if (end - start > this.#settings.messageBytesMax)
      this.#takePieces(datagram.subarray(start, end), origin, mark, intake)
    else intake.add(origin, datagram, start, end, mark)
  }

  #takePieces(datagram: Buffer, origin: Origin, mark: number, intake: Intake): void {
    const { messageBytesMax } = this.#settings
    const { clock, random } = this.#platform
    let chunks: MessageChunks | undefined
    for (let at = 0; at < datagram.length;) {
      const rest = datagram.subarray(at)
      const length = rest.length <= messageBytesMax ? rest.length : textBoundary(rest, messageBytesMax)
      chunks ??= new MessageChunks(rest.subarray(0, length), origin, clock.now(), newId(random))
      intake.add(origin, ...chunks.piece(rest, 0, length), mark | chunks.mark)
      at += length
    }
  }

  #senderOf(host: string): Origin | null {
    let origin = this.#senders.get(host)
    if (origin !== undefined) return origin
    origin = this.#settings.allows(host) ? this.#settings.originOf(host) : null
    // The oldest goes: insertion order is near enough to least recently used here.
    if (this.#senders.size >= SENDERS_MAX) this.#senders.delete(this.#senders.keys().next().value!)
    this.#senders.set(host, origin)
    return origin
  }

  #countDropped(): void {
    const dropped = this.#droppedSince
    this.#droppedSince = 0
    this.#droppedInAll += dropped
    if (dropped === 0) return
    const { source } = this.#settings
    this.#platform.metrics.count('sluice_dropped_total', { reason: 'udp_queue_full', where: source }, dropped)
    this.#warning.warn({ source, soFar: this.#droppedInAll }, 'datagrams dropped: the destinations are too slow')
  }
}

const isTerminator = (byte: number) => byte === LF || byte === CR || byte === NUL
