// The network, behind one interface so that a simulation can cut, delay and reset it.

/** An address to listen on or connect to. `host` is a name or an IPv4 or IPv6 literal without brackets. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** What happens on a connection. Called from the event loop, never from inside `start`. */
export interface ConnectionEvents {
  /** Bytes that arrived; the memory is the callee's only until it returns. */
  data(chunk: Buffer): void
  /** The peer will send no more. */
  end(): void
  /** All is over; the last event, and always given. `error` where it was not an orderly end. */
  close(error?: Error): void
}

/** A byte stream to a peer. */
export interface Connection {
  /** The peer's address as text, IPv4-mapped IPv6 written as IPv4. */
  readonly peer: Endpoint
  /** Its descriptor: the lowest that was free, so that at least as many were in use. Undefined where it has none of its own. */
  readonly descriptor?: number | undefined
  /** Bytes that the kernel has taken so far; under TLS those that it makes of them. Undefined where it is not known. */
  readonly takenBytes?: number | undefined
  /**
   * While something on its way to the peer is not acknowledged by its system: how long that has acknowledged nothing, ms; else 0.
   * Undefined where it is not known.
   */
  readonly unacknowledgedMs?: number | undefined
  /** Begins reading. */
  start(events: ConnectionEvents): void
  /** Stops and resumes reading: what the peer sends meanwhile fills the kernel's buffers and stops the peer. */
  pause(): void
  resume(): void
  /** Resolves when the kernel has taken all of it; rejects when the connection ended first. */
  write(bytes: Buffer): Promise<void>
  /** Says that no more will be written, after what is still to be written. */
  end(): void
  /** Ends it at once. */
  destroy(): void
}

export interface Listener {
  /** The port in use, also where 0 was asked for. */
  readonly port: number
  /** Stops accepting; connections live on. */
  close(): Promise<void>
}

/** Takes a datagram, whose memory is the callee's only until it returns. */
export type ReceiveDatagram = (datagram: Buffer, peerHost: string, peerPort: number) => void

export interface DatagramSocket {
  readonly port: number
  /** Bytes of receive buffer that the kernel granted. */
  readonly receiveBufferBytes: number
  /** Whether many datagrams are taken with one call of the system while they come fast. */
  readonly readsMany: boolean
  /** Begins receiving; while `hasRoom` says so, a burst is taken from the kernel in one go. */
  start(receive: ReceiveDatagram, hasRoom?: () => boolean): void
  /** The kernel takes in next to nothing from now on, and counts as dropped what comes; what it has is still received. */
  refuse(): void
  close(): Promise<void>
}

/** Sends datagrams to one receiver, one at a time. */
export interface DatagramSender {
  /** Resolves when the kernel has taken the datagram. Rejects with `HOST_UNRESOLVED`, retryable, or with what the kernel says. */
  send(datagram: Buffer): Promise<void>
  /** Resolves when there is a way to the receiver, as far as this machine knows; rejects as `send` would, and sends nothing. */
  ready(): Promise<void>
  close(): Promise<void>
}

/** Certificates and their key, each in PEM as it stands in its file. */
export interface TlsKeys {
  /** Ours, with those between it and a root behind it. */
  readonly cert?: Buffer
  readonly key?: Buffer
  /** Who may sign the peer's. */
  readonly ca?: Buffer
}

/**
 * Whether the peer must show a certificate that `ca` signed. `required`: else there is no connection. `optional`: a client may
 * show none; a server's that does not hold is only told of. `none`: it is not looked at.
 */
export type TlsVerify = 'required' | 'optional' | 'none'

/** What clients meet that open TLS connections to us. */
export interface TlsServer {
  /**
   * Waits for the handshake on an accepted connection that was not started, which is this call's from now on. Rejects with
   * `TLS_HANDSHAKE`, also after `TLS_HANDSHAKE_WAIT_MS`; with `CONNECTION_LOST` where the peer left without a byte, as a
   * probe does. Then the connection is ended.
   */
  secure(connection: Connection): Promise<Connection>
  /** Other keys for handshakes from now on. Throws `TLS_KEYS`, and then keeps those it has. */
  renew(keys: TlsKeys): void
}

/** How we meet a server. */
export interface TlsGreeting {
  /** The name or address that its certificate must carry, and that it is greeted by. */
  readonly serverName: string
  /** Another name that will do. */
  readonly orName?: string
  readonly keys: TlsKeys
  readonly verify: TlsVerify
  /** Told where `verify` is `optional` and the certificate does not hold. */
  doubted?(reason: string): void
}

/** An SRV record. */
export interface Service extends Endpoint {
  /** The lowest is tried first. */
  readonly priority: number
  /** Of those with the same priority: its share. */
  readonly weight: number
}

export interface Net {
  /** Rejects with `PORT_TAKEN`, `PORT_FORBIDDEN` or `ADDRESS_UNAVAILABLE`. */
  listen(at: Endpoint, accept: (connection: Connection) => void): Promise<Listener>
  /**
   * To the first of the host's addresses that takes it, `inTurn`. Rejects with `HOST_UNRESOLVED` or `CONNECTION_REFUSED`, both
   * retryable, also after `CONNECT_WAIT_MS` for each.
   */
  connect(to: Endpoint, signal?: AbortSignal, turn?: number): Promise<Connection>
  /** Throws `TLS_KEYS` where they cannot be used. */
  tlsServer(keys: TlsKeys, verify: TlsVerify): TlsServer
  /**
   * TLS over a connection that was not started, which is this call's from now on. Resolves when the server has had the time to
   * refuse us. Rejects with `TLS_HANDSHAKE`, retryable, that says what is wrong and what to do; or with `TLS_KEYS`. Then
   * the connection is ended.
   */
  secureTo(connection: Connection, greeting: TlsGreeting, signal?: AbortSignal): Promise<Connection>
  bind(at: Endpoint, receiveBufferBytes?: number): Promise<DatagramSocket>
  /** `lost` is told when the network says that a datagram did not arrive which the kernel had taken: of several most often once. */
  datagramsTo(to: Endpoint, lost: (reason: Error) => void): DatagramSender
  /** The SRV records of a name (RFC 2782), in no order. Rejects with `HOST_UNRESOLVED`, retryable, where there are none. */
  services(name: string): Promise<readonly Service[]>
}
