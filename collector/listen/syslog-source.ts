// The `syslog` source: receives syslog over UDP, TCP and TLS (RFC 5425), and over RELP with and without TLS.

import type { Claim, ComponentContext, SourceType } from '../../common/component.ts'
import { isWithin, parseAddress } from '../../common/expression/address.ts'
import { CONNECTIONS_MAX } from '../../common/limits.ts'
import { DEFAULT_PRIORITY } from '../../common/message/priority.ts'
import { about, count, flag, list, options, type OptionsOf } from '../../common/option.ts'
import { endpointUrl, network, zone } from '../../common/option-values.ts'
import { unpooledCopy } from '../../common/unpooled-copy.ts'
import type { Endpoint } from '../../common/net/net.ts'
import type { Origin } from '../../common/pipeline/batch.ts'
import type { Sink, Source } from '../../common/pipeline/sink.ts'
import type { Platform } from '../../common/platform.ts'
import { Intake } from '../../common/pipeline/intake.ts'
import { examineTls, listenerTls, speaksTls } from '../../common/tls/tls-option.ts'
import { ConnectionGate } from './connection-gate.ts'
import { RelpListener } from './relp-listener.ts'
import { TcpListener, type ListenerSettings } from './tcp-listener.ts'
import { TlsAcceptor } from './tls-acceptor.ts'
import { UdpListener } from './udp-listener.ts'

const syslogOptions = options({
  listen: list(endpointUrl(['udp', 'tcp', 'tls', 'relp', 'relps'], 'listen')).describe('Addresses to listen on.'),
  zone: zone().prefault('local').describe('Time zone of messages that name none.'),
  keep_host: flag()
    .prefault(true)
    .describe('Whether a message keeps the host it names; otherwise it gets the address of its sender.'),
  max_connections: count(1, 1_000_000)
    .prefault(CONNECTIONS_MAX)
    .describe(
      'Simultaneous TCP, TLS and RELP connections, including those in their handshake; more are refused and counted.',
    ),
  allow: list(network()).optional().describe('Networks that may send; by default all.'),
  tls: listenerTls().optional().describe('TLS settings for `tls://` and `relps://`.'),
}).superRefine(
  ({ listen, tls }, context) => {
    const fault = (message: string, ...path: (string | number)[]) => context.addIssue({ code: 'custom', message, path })
    if (tls && !listen.some(speaksTls)) fault('no address of "listen" begins with tls:// or relps://', 'tls')
    if (tls) return
    listen.forEach((address, index) => {
      if (!speaksTls(address)) return
      fault(`${address.scheme}:// needs certificate and key; add tls: { cert: …, key: … }`, 'listen', index)
    })
  },
  about('listen', 'tls'),
)

type SyslogOptions = OptionsOf<typeof syslogOptions>

export const syslogSource: SourceType<SyslogOptions> = {
  type: 'syslog',
  claims: ({ listen = [] }) =>
    // Port 0 conflicts with nothing: the system assigns a free port.
    listen.flatMap((address, index) => (address.port === 0 ? [] : [{ path: ['listen', index], ...portOf(address) }])),
  about: 'Listens for syslog in any format and framing over UDP, TCP and RELP, the latter two also with TLS.',
  options: syslogOptions,
  examine: ({ tls }, disk) => examineTls(tls, disk),
  allows,
  create: (given, context) => new SyslogSource(given, context),
}

// On Linux, a socket on a wildcard address excludes all others on the same port, and `[::]` includes all IPv4 addresses.
function portOf({ scheme, host, port }: SyslogOptions['listen'][number]): Pick<Claim, 'key' | 'partOf'> {
  const keyOf = (address: string) => `${scheme === 'udp' ? 'udp' : 'tcp'} port ${port} of ${address}`
  const plain = usualSpelling(host.replace(/^::ffff:(?=[\d.]+$)/i, ''))
  const all = /^[\d.]+$/.test(plain) && parseAddress(plain) ? ['0.0.0.0', '::'] : ['::']
  return { key: keyOf(plain), partOf: all.map(keyOf) }
}

/** `::1` for `0:0:0:0:0:0:0:1`. Names and other addresses are kept, except for capital letters. */
function usualSpelling(host: string): string {
  const url = `http://[${host}]`
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : host.toLowerCase()
}

const NO_PROGRAM = Buffer.alloc(0)

class SyslogSource implements Source {
  readonly name: string
  readonly #options: SyslogOptions
  readonly #platform: Platform
  readonly #tcp: TcpListener
  readonly #udp: UdpListener
  readonly #relp: RelpListener
  readonly #gate: ConnectionGate
  readonly #acceptor: TlsAcceptor | undefined

  constructor(given: SyslogOptions, context: ComponentContext) {
    this.name = context.name
    this.#options = given
    this.#platform = context.platform
    const settings = settingsOf(given, context)
    const { platform } = context
    const gate = new ConnectionGate(settings, platform)
    this.#gate = gate
    this.#tcp = new TcpListener(settings, gate, platform)
    this.#udp = new UdpListener(settings, platform)
    this.#relp = new RelpListener(settings, gate, platform)
    if (given.tls) this.#acceptor = new TlsAcceptor(this.name, given.tls, gate, platform)
  }

  async open(): Promise<void> {
    this.#gate.open()
    try {
      await this.#acceptor?.open()
      for (const { scheme, host, port } of this.#options.listen) {
        const bound = await this.#listen(scheme, { host, port })
        this.#platform.log.info({ source: this.name, scheme, host, port: bound }, 'listening')
      }
    } catch (error) {
      await this.#stop()
      throw error
    }
  }

  #listen(scheme: SyslogOptions['listen'][number]['scheme'], at: Endpoint): Promise<number> {
    if (scheme === 'udp') return this.#udp.listen(at)
    const listener = scheme === 'tcp' || scheme === 'tls' ? this.#tcp : this.#relp
    return listener.listen(at, speaksTls({ scheme }) ? this.#acceptor : undefined)
  }

  /** Reads renewed certificates, for connections from now on. */
  async reopen(): Promise<void> {
    await this.#acceptor?.renew()
  }

  async #stop(): Promise<void> {
    this.#acceptor?.stop()
    await Promise.all([this.#tcp.stop(), this.#udp.stop(), this.#relp.stop()])
    this.#gate.close()
  }

  async run(sink: Sink, signal: AbortSignal): Promise<void> {
    const intake = new Intake(this.name, sink, this.#platform)
    this.#tcp.start(intake)
    this.#udp.start(intake)
    this.#relp.start(intake, sink.streams)
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    await this.#stop()
    await intake.close()
    this.#relp.finish()
  }
}

function allows({ allow }: SyslogOptions, host: string): boolean {
  if (!allow) return true
  const address = parseAddress(host)
  return address !== undefined && allow.some((allowed) => isWithin(address, allowed))
}

function settingsOf(given: SyslogOptions, context: ComponentContext): ListenerSettings {
  return {
    source: context.name,
    framing: 'auto',
    messageBytesMax: context.messageBytesMax,
    connectionsMax: given.max_connections,
    allows: (host) => allows(given, host),
    originOf: (host): Origin => ({
      source: context.name,
      peer: host,
      lines: 'syslog',
      zone: given.zone,
      host: unpooledCopy(Buffer.from(host)),
      ...(given.keep_host ? {} : { hostForced: true }),
      program: NO_PROGRAM,
      priority: DEFAULT_PRIORITY,
    }),
  }
}
