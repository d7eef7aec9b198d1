// A network in memory: connections are pairs of pipes, datagrams go from socket to socket, and a test cuts, resets and
// pauses them by command. Everything arrives in a later turn of the event loop, as on a real one.

import { Fault } from '../../common/fault.ts'
import type {
  Connection,
  ConnectionEvents,
  DatagramSender,
  DatagramSocket,
  Endpoint,
  Listener,
  Net,
  Service,
  TlsServer,
} from '../../common/net/net.ts'

// What a pipe holds before its writer waits: as much as a kernel's buffers do.
const PIPE_BYTES_MAX = 256 * 1024

interface Waiting {
  readonly bytes: Buffer
  resolve(): void
  reject(reason: Error): void
}

/** One end of a connection. */
class FakeConnection implements Connection {
  readonly peer: Endpoint
  other!: FakeConnection
  #events: ConnectionEvents | undefined
  #inbox: Buffer[] = []
  #inboxBytes = 0
  /** Writes of the other end that found no room here. */
  readonly #waiting: Waiting[] = []
  #paused = false
  #ended = false
  #endTold = false
  #peerEnded = false
  #over = false
  #failure: Error | undefined
  #closeTold = false
  #scheduled = false

  constructor(peer: Endpoint) {
    this.peer = peer
  }

  start(events: ConnectionEvents): void {
    this.#events = events
    this.#soon()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#soon()
  }

  write(bytes: Buffer): Promise<void> {
    if (this.#over || this.#ended) return Promise.reject(lost('the connection has ended'))
    return new Promise((resolve, reject) => this.other.#receive({ bytes: Buffer.from(bytes), resolve, reject }))
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.other.#peerEnded = true
    this.other.#soon()
    this.#soon()
  }

  destroy(): void {
    this.fail(undefined)
    this.other.fail(undefined)
  }

  /** The connection is over at this end: what was not read is gone, and writes are lost. */
  fail(failure: Error | undefined): void {
    if (this.#over) return
    this.#over = true
    this.#failure = failure
    // An orderly end still hands over what has arrived; a reset does not.
    if (failure) this.#inbox = []
    for (const write of this.#waiting.splice(0)) write.reject(lost('the peer is gone'))
    this.#soon()
  }

  #receive(write: Waiting): void {
    if (this.#over) return write.reject(lost('the peer is gone'))
    if (this.#inboxBytes >= PIPE_BYTES_MAX) return void this.#waiting.push(write)
    this.#inbox.push(write.bytes)
    this.#inboxBytes += write.bytes.length
    write.resolve()
    this.#soon()
  }

  #soon(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#deliver()
    })
  }

  #deliver(): void {
    const events = this.#events
    if (!events) return
    while (!this.#paused && this.#inbox.length > 0) {
      const chunk = this.#inbox.shift()!
      this.#inboxBytes -= chunk.length
      events.data(chunk)
      const next = this.#waiting.shift()
      if (next) this.#receive(next)
    }
    if (this.#inbox.length > 0 && !this.#failure) return
    if (this.#peerEnded && !this.#endTold && !this.#over) {
      this.#endTold = true
      events.end()
    }
    if (!this.#over && !(this.#ended && this.#endTold)) return
    if (this.#closeTold) return
    this.#over = true
    this.#closeTold = true
    events.close(this.#failure)
  }
}

class FakeDatagramSocket implements DatagramSocket {
  readonly port: number
  readonly receiveBufferBytes: number
  readonly readsMany = false
  readonly #net: FakeNet
  readonly #early: [Buffer, string, number][] = []
  #receive: ((datagram: Buffer, host: string, port: number) => void) | undefined
  #isRefusing = false

  constructor(net: FakeNet, port: number, receiveBufferBytes: number) {
    this.#net = net
    this.port = port
    this.receiveBufferBytes = receiveBufferBytes
  }

  start(receive: (datagram: Buffer, peerHost: string, peerPort: number) => void): void {
    this.#receive = receive
    for (const [datagram, host, port] of this.#early.splice(0)) receive(datagram, host, port)
  }

  /** A datagram of that sender arrives. */
  arrive(datagram: Buffer, host: string, port: number): void {
    if (this.#isRefusing) return
    if (this.#receive) this.#receive(datagram, host, port)
    else this.#early.push([datagram, host, port])
  }

  refuse(): void {
    this.#isRefusing = true
  }

  close(): Promise<void> {
    this.#net.unbind(this.port)
    return Promise.resolve()
  }
}

export class FakeNet implements Net {
  readonly #listeners = new Map<number, (connection: Connection) => void>()
  readonly #sockets = new Map<number, FakeDatagramSocket>()
  #connections: FakeConnection[] = []
  #nextPort = 40_000
  /** The address that connections and datagrams come from. */
  from = '192.0.2.7'
  /** Whether datagrams are lost. */
  losesDatagrams = false

  listen(at: Endpoint, accept: (connection: Connection) => void): Promise<Listener> {
    const port = at.port === 0 ? this.#nextPort++ : at.port
    if (this.#listeners.has(port)) return Promise.reject(taken(port))
    this.#listeners.set(port, accept)
    const close = () => {
      this.#listeners.delete(port)
      return Promise.resolve()
    }
    return Promise.resolve({ port, close })
  }

  async connect(to: Endpoint, signal?: AbortSignal): Promise<Connection> {
    await new Promise((resolve) => setImmediate(resolve))
    const accept = this.#listeners.get(to.port)
    if (!accept || signal?.aborted) {
      throw new Fault('CONNECTION_REFUSED', `${to.host}:${to.port}`, { retryable: true })
    }
    const here = new FakeConnection(to)
    const there = new FakeConnection({ host: this.from, port: this.#nextPort++ })
    here.other = there
    there.other = here
    this.#connections.push(here)
    setImmediate(() => accept(there))
    return here
  }

  /** SRV records by name. */
  readonly records = new Map<string, readonly Service[]>()

  services(name: string): Promise<readonly Service[]> {
    const records = this.records.get(name)
    if (records) return Promise.resolve(records)
    return Promise.reject(new Fault('HOST_UNRESOLVED', `${name} has no SRV records`, { retryable: true }))
  }

  // A handshake that never fails.
  tlsServer(): TlsServer {
    return { secure: (connection) => Promise.resolve(connection), renew: () => {} }
  }

  secureTo(connection: Connection): Promise<Connection> {
    return Promise.resolve(connection)
  }

  /** Resets every connection there is: bytes on the way are lost, and both ends hear of it. */
  resetAll(): void {
    for (const connection of this.#connections.splice(0)) {
      connection.fail(lost('reset by peer'))
      connection.other.fail(lost('reset by peer'))
    }
  }

  /** Nobody listens there any more. */
  refuse(port: number): void {
    this.#listeners.delete(port)
  }

  /** The connecting ends of all connections are gone without a word; the accepting ends never hear of it. */
  vanishAll(): void {
    for (const connection of this.#connections.splice(0)) connection.fail(undefined)
  }

  bind(at: Endpoint, receiveBufferBytes: number = 212_992): Promise<DatagramSocket> {
    const port = at.port !== 0 ? at.port : this.#nextPort++
    if (this.#sockets.has(port)) return Promise.reject(taken(port))
    const socket = new FakeDatagramSocket(this, port, receiveBufferBytes)
    this.#sockets.set(port, socket)
    return Promise.resolve(socket)
  }

  datagramsTo(to: Endpoint): DatagramSender {
    const [host, port] = [this.from, this.#nextPort++]
    return {
      send: (datagram) => {
        this.deliver(Buffer.from(datagram), host, port, to)
        return Promise.resolve()
      },
      ready: () => Promise.resolve(),
      close: () => Promise.resolve(),
    }
  }

  unbind(port: number): void {
    this.#sockets.delete(port)
  }

  /** A datagram goes to whoever is bound there when it arrives, as UDP does. */
  deliver(datagram: Buffer, host: string, port: number, to: Endpoint): void {
    if (this.losesDatagrams) return
    setImmediate(() => this.#sockets.get(to.port)?.arrive(datagram, host, port))
  }
}

const lost = (detail: string) => new Fault('CONNECTION_LOST', detail, { retryable: true })
const taken = (port: number) => new Fault('PORT_TAKEN', `${port} is in use`)
