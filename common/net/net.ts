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

export interface DatagramSocket {
  readonly port: number
  /** Bytes of receive buffer that the kernel granted. */
  readonly receiveBufferBytes: number
  /** Begins receiving. The datagram's memory is the callee's only until it returns. */
  start(receive: (datagram: Buffer, peerHost: string, peerPort: number) => void): void
  /** Resolves when the kernel has taken the datagram. */
  send(datagram: Buffer, to: Endpoint): Promise<void>
  close(): Promise<void>
}

export interface Net {
  /** Rejects with `PORT_TAKEN`, `PORT_FORBIDDEN` or `ADDRESS_UNAVAILABLE`. */
  listen(at: Endpoint, accept: (connection: Connection) => void): Promise<Listener>
  /** Rejects with `CONNECTION_REFUSED` or `HOST_UNRESOLVED`, both retryable, also after `CONNECT_WAIT_MS`. */
  connect(to: Endpoint, signal?: AbortSignal): Promise<Connection>
  /** A datagram socket bound to an address, or (`undefined`) one to send from. */
  bind(at: Endpoint | undefined, receiveBufferBytes?: number): Promise<DatagramSocket>
  /** The addresses of a name, as text. Rejects with `HOST_UNRESOLVED`, retryable. */
  resolve(host: string): Promise<string[]>
}
