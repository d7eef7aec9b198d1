// The network, behind one interface so that a simulation can cut, delay and reset it.

/** An address to listen on or connect to. `host` is a name or an IPv4 or IPv6 literal without brackets. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** Events of a connection. They are called from the event loop, never from within `start`. */
export interface ConnectionEvents {
  /** Bytes arrived. The memory is reused after the call returns. */
  data(chunk: Buffer): void
  /** The peer has closed its side. */
  end(): void
  /** The connection is closed. Always the last event. `error` is given unless it was closed in order. */
  close(error?: Error): void
}

/** A byte stream to a peer. */
export interface Connection {
  /** The peer's address as text, IPv4-mapped IPv6 written as IPv4. */
  readonly peer: Endpoint
  /**
   * Its file descriptor. The kernel gives out the lowest free number, so at least as many were in use. Undefined if the connection has
   * none of its own.
   */
  readonly descriptor?: number | undefined
  /** Bytes that the kernel has accepted so far; under TLS, encrypted bytes. Undefined if that is not known. */
  readonly takenBytes?: number | undefined
  /**
   * If data in flight is not acknowledged (TCP ACK) by the system of the peer: milliseconds since its last acknowledgement; else 0.
   * Undefined if that is not known.
   */
  readonly unacknowledgedMs?: number | undefined
  /** Begins reading. */
  start(events: ConnectionEvents): void
  /** Stops and resumes reading. While it is stopped, the kernel's buffers fill up, which stops the peer. */
  pause(): void
  resume(): void
  /** Resolves when the kernel has accepted all bytes; rejects if the connection ended first. */
  write(bytes: Buffer): Promise<void>
  /** Closes our side after all pending writes. */
  end(): void
  /** Closes the connection at once. */
  destroy(): void
}

export interface Listener {
  /** The actual port, also if 0 was requested. */
  readonly port: number
  /** Stops accepting; existing connections stay open. */
  close(): Promise<void>
}

/** Receives a datagram. Its memory is reused after the call returns. */
export type ReceiveDatagram = (datagram: Buffer, peerHost: string, peerPort: number) => void

export interface DatagramSocket {
  readonly port: number
  /** Size of the receive buffer that the kernel granted. */
  readonly receiveBufferBytes: number
  /** Whether many datagrams are read with one system call under load. */
  readonly readsMany: boolean
  /** Begins receiving. While `hasRoom` returns true, a burst may be read from the kernel in one turn of the event loop. */
  start(receive: ReceiveDatagram, hasRoom?: () => boolean): void
  /** Shrinks the receive buffer, so that the kernel drops and counts new datagrams. Those already in it are still received. */
  refuse(): void
  close(): Promise<void>
}

/** Sends datagrams to one receiver, one at a time. */
export interface DatagramSender {
  /** Resolves when the kernel has accepted the datagram. Rejects with `HOST_UNRESOLVED`, retryable, or with the error of the kernel. */
  send(datagram: Buffer): Promise<void>
  /** Resolves if this machine knows a route to the receiver. Rejects like `send`, but sends nothing. */
  ready(): Promise<void>
  close(): Promise<void>
}

/** Certificates and the private key: the contents of PEM files. */
export interface TlsKeys {
  /** Our certificate, followed by intermediate certificates. */
  readonly cert?: Buffer
  readonly key?: Buffer
  /** The CA certificates that the certificate of the peer is checked against. */
  readonly ca?: Buffer
}

/**
 * Whether the peer must present a certificate signed by `ca`. `required`: otherwise there is no connection. `optional`: a client may
 * present none; an invalid certificate of a server is only reported. `none`: it is not checked.
 */
export type TlsVerify = 'required' | 'optional' | 'none'

/** The server side of TLS. */
export interface TlsServer {
  /**
   * Does the handshake on an accepted connection that was not started, and takes it over. Rejects with `TLS_HANDSHAKE`, also after
   * `TLS_HANDSHAKE_WAIT_MS`; with `CONNECTION_LOST` if the peer sent no byte, like a health check. In both cases the connection is
   * closed.
   */
  secure(connection: Connection): Promise<Connection>
  /** Replaces the keys for later handshakes. Throws `TLS_KEYS`, and then keeps the old ones. */
  renew(keys: TlsKeys): void
}

/** The client side of a TLS handshake. */
export interface TlsGreeting {
  /** The name or address that the certificate must contain; also sent as SNI. */
  readonly serverName: string
  /** Another acceptable name. */
  readonly orName?: string
  readonly keys: TlsKeys
  readonly verify: TlsVerify
  /** Called with the reason if `verify` is `optional` and the certificate is invalid. */
  doubted?(reason: string): void
}

/** An SRV record. */
export interface Service extends Endpoint {
  /** The target with the lowest priority is tried first. */
  readonly priority: number
  /** Its share among targets with the same priority. */
  readonly weight: number
}

export interface Net {
  /** Rejects with `PORT_TAKEN`, `PORT_FORBIDDEN` or `ADDRESS_UNAVAILABLE`. */
  listen(at: Endpoint, accept: (connection: Connection) => void): Promise<Listener>
  /**
   * Connects to the first address of the host that accepts; `turn` rotates their order (`in-turn.ts`). Rejects with
   * `HOST_UNRESOLVED` or `CONNECTION_REFUSED`, both retryable. Lookup and connecting take at most `CONNECT_WAIT_MS` each.
   */
  connect(to: Endpoint, signal?: AbortSignal, turn?: number): Promise<Connection>
  /** Throws `TLS_KEYS` if the keys cannot be used. */
  tlsServer(keys: TlsKeys, verify: TlsVerify): TlsServer
  /**
   * Does the TLS handshake on a connection that was not started, and takes it over. Resolves when the server has had time to refuse us.
   * Rejects with `TLS_HANDSHAKE`, retryable, whose text says what is wrong and what to do, or with `TLS_KEYS`; then the connection
   * is closed.
   */
  secureTo(connection: Connection, greeting: TlsGreeting, signal?: AbortSignal): Promise<Connection>
  bind(at: Endpoint, receiveBufferBytes?: number): Promise<DatagramSocket>
  /** `lost` is called when the network reports (ICMP) that a datagram did not arrive; for several lost datagrams mostly once. */
  datagramsTo(to: Endpoint, lost: (reason: Error) => void): DatagramSender
  /** The SRV records of a name (RFC 2782), in no order. Rejects with `HOST_UNRESOLVED`, retryable, where there are none. */
  services(name: string): Promise<readonly Service[]>
}
