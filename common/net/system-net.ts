// The real network: node:net and node:dgram; TLS lies beside it.

import * as dgram from 'node:dgram'
import { lookup } from 'node:dns/promises'
import * as net from 'node:net'
import { errnoOf, Fault, reasonOf } from '../fault.ts'
import { CONNECT_ADDRESS_WAIT_MS, CONNECT_WAIT_MS } from '../limits.ts'
import { servicesOf } from './services.ts'
import { plainAddress, SystemConnection } from './system-connection.ts'
import { secureTo, tlsServer } from './system-tls.ts'
import type { Connection, DatagramSocket, Endpoint, Listener, Net } from './net.ts'

// How many connections the kernel may hold for us while we are busy: a restart of a thousand senders at once.
const BACKLOG = 4096

export const systemNet: Net = {
  listen,
  connect,
  tlsServer,
  secureTo,
  bind,
  services: (name) => servicesOf(name),
  resolve,
}

/** An address as it is written: IPv6 in brackets. */
function written({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function bindFault(error: unknown, at: Endpoint, protocol: string): Fault {
  const where = `${protocol} ${written(at)}`
  switch (errnoOf(error)) {
    case 'EADDRINUSE':
      return new Fault('PORT_TAKEN', `${where} is in use by another process`, { cause: error })
    case 'EACCES':
      return new Fault('PORT_FORBIDDEN', `this user may not listen on ${where}`, { cause: error })
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new Fault('HOST_UNRESOLVED', `${at.host} has no address`, { cause: error })
    default:
      return new Fault('ADDRESS_UNAVAILABLE', `cannot listen on ${where}: ${reasonOf(error)}`, { cause: error })
  }
}

function listen(at: Endpoint, accept: (connection: Connection) => void): Promise<Listener> {
  return new Promise((resolve, reject) => {
    // Half-open: a sender that has said all it has to say may still wait for us to read it. Paused until `start`: a
    // socket that flows while nobody listens throws away what it reads.
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      accept(new SystemConnection(socket))
    })
    server.once('error', (error) => reject(bindFault(error, at, 'tcp')))
    server.listen({ host: at.host, port: at.port, backlog: BACKLOG }, () => {
      const address = server.address() as net.AddressInfo
      server.on('error', () => {}) // an accept that failed for want of descriptors is tried again by libuv
      resolve({
        port: address.port,
        // The port is free when close() returns; its callback would wait for the end of every connection.
        close: () => {
          server.close()
          return Promise.resolve()
        },
      })
    })
  })
}

function connect(to: Endpoint, signal?: AbortSignal): Promise<Connection> {
  return new Promise((resolve, reject) => {
    // The name is looked up at each attempt, and its addresses are tried in turn.
    const several = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: CONNECT_ADDRESS_WAIT_MS }
    const socket = net.connect({ host: to.host, port: to.port, allowHalfOpen: true, ...several })
    const fail = (error: unknown) => {
      settle()
      socket.destroy()
      const unresolved = errnoOf(error) === 'ENOTFOUND' || errnoOf(error) === 'EAI_AGAIN'
      const detail = unresolved ? `${to.host} has no address` : `${written(to)}: ${reasonOf(error)}`
      reject(
        new Fault(unresolved ? 'HOST_UNRESOLVED' : 'CONNECTION_REFUSED', detail, { retryable: true, cause: error }),
      )
    }
    const onTimeout = () => fail(new Error(`no answer within ${CONNECT_WAIT_MS / 1000} s`))
    const onAbort = () => fail(new Error('stopped'))
    const settle = () => {
      socket.setTimeout(0)
      socket.off('timeout', onTimeout)
      socket.off('error', fail)
      signal?.removeEventListener('abort', onAbort)
    }
    socket.once('error', fail)
    socket.setTimeout(CONNECT_WAIT_MS, onTimeout)
    signal?.addEventListener('abort', onAbort)
    socket.once('connect', () => {
      settle()
      resolve(new SystemConnection(socket))
    })
    if (signal?.aborted) onAbort()
  })
}

const ANYWHERE: Endpoint = { host: '0.0.0.0', port: 0 }

async function bind(at: Endpoint = ANYWHERE, receiveBufferBytes?: number): Promise<DatagramSocket> {
  const address = net.isIP(at.host) === 0 ? (await resolve(at.host))[0] : at.host
  const socket = await boundSocket(address, at)
  if (receiveBufferBytes !== undefined) askForBuffer(socket, receiveBufferBytes)
  return new SystemDatagramSocket(socket, at !== ANYWHERE)
}

/** A socket of the address' family; `at` is what it is called in a fault. */
function boundSocket(address: string, at: Endpoint): Promise<dgram.Socket> {
  const socket = dgram.createSocket(net.isIPv6(address) ? 'udp6' : 'udp4')
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => reject(bindFault(error, at, 'udp')))
    socket.bind(at.port, address, () => {
      socket.removeAllListeners('error')
      // ECONNREFUSED of an earlier datagram comes back here: nobody can be told.
      socket.on('error', () => {})
      resolve(socket)
    })
  })
}

// The kernel cuts it to net.core.rmem_max; on some systems it refuses instead, and then its default stays.
function askForBuffer(socket: dgram.Socket, bytes: number): void {
  try {
    socket.setRecvBufferSize(bytes)
  } catch (error) {
    if (errnoOf(error) !== 'ERR_SOCKET_BUFFER_SIZE') throw error
  }
}

// A name is looked up once a minute, not once a datagram.
const RESOLVED_FOR_MS = 60_000

const EARLY_DATAGRAMS_MAX = 4096

// The kernel makes it as much as it must: one or two datagrams. What is in the queue already stays there.
const LEAST_BUFFER_BYTES = 1

class SystemDatagramSocket implements DatagramSocket {
  readonly port: number
  readonly receiveBufferBytes: number
  readonly #socket: dgram.Socket
  readonly #ipv6: boolean
  /** For receivers of the other family; opened when the first is sent to. */
  #other: Promise<dgram.Socket> | undefined
  // Node hands out datagrams from the moment of binding on; the first seconds of a start must not lose them.
  readonly #early: [datagram: Buffer, host: string, port: number][] = []
  readonly #resolved = new Map<string, { readonly address: string; readonly untilMs: number }>()

  /** `receives` where it was bound to an address; else what arrives is nobody's. */
  constructor(socket: dgram.Socket, receives: boolean) {
    this.#socket = socket
    const { port, family } = socket.address()
    this.port = port
    this.#ipv6 = family === 'IPv6'
    this.receiveBufferBytes = socket.getRecvBufferSize()
    if (receives) socket.on('message', this.#keepEarly)
  }

  start(receive: (datagram: Buffer, peerHost: string, peerPort: number) => void): void {
    // The last sender's address is most often this sender's: its plain form is made once.
    let known = ''
    let plain = ''
    this.#socket.on('message', (datagram, { address, port }) => {
      if (address !== known) {
        known = address
        plain = plainAddress(address)
      }
      receive(datagram, plain, port)
    })
    this.#socket.off('message', this.#keepEarly)
    for (const [datagram, host, port] of this.#early.splice(0)) receive(datagram, host, port)
  }

  readonly #keepEarly = (datagram: Buffer, { address, port }: dgram.RemoteInfo): void => {
    if (this.#early.length < EARLY_DATAGRAMS_MAX) this.#early.push([datagram, plainAddress(address), port])
  }

  refuse(): void {
    askForBuffer(this.#socket, LEAST_BUFFER_BYTES)
  }

  async send(datagram: Buffer, to: Endpoint): Promise<void> {
    const address = net.isIP(to.host) !== 0 ? to.host : await this.#addressOf(to.host)
    const socket = net.isIPv6(address) === this.#ipv6 ? this.#socket : await this.#otherSocket()
    await new Promise<void>((resolve, reject) => {
      socket.send(datagram, to.port, address, (error) => (error ? reject(error) : resolve()))
    })
  }

  async close(): Promise<void> {
    await closed(this.#socket)
    if (this.#other) await closed(await this.#other)
  }

  #otherSocket(): Promise<dgram.Socket> {
    const any = this.#ipv6 ? '0.0.0.0' : '::'
    this.#other ??= boundSocket(any, { host: any, port: 0 }).catch((error: unknown) => {
      this.#other = undefined
      throw error
    })
    return this.#other
  }

  async #addressOf(host: string): Promise<string> {
    const known = this.#resolved.get(host)
    if (known && known.untilMs > performance.now()) return known.address
    const [address] = await resolve(host)
    this.#resolved.set(host, { address, untilMs: performance.now() + RESOLVED_FOR_MS })
    return address
  }
}

function closed(socket: dgram.Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()))
}

async function resolve(host: string): Promise<string[]> {
  try {
    const found = await lookup(host, { all: true })
    return found.map(({ address }) => address)
  } catch (error) {
    throw new Fault('HOST_UNRESOLVED', `${host} has no address`, { retryable: true, cause: error })
  }
}
