// Sends datagrams to one receiver, through a connected socket for each of its addresses, because the kernel reports ICMP errors (a
// datagram did not arrive) only on connected sockets.
//
//   name ──looked up once a minute──▶ addresses ──▶ the first, until it refuses or cannot be reached ──▶ the next …
//
// The error comes as an event, or as the result of the next send, which then has sent nothing. It does not say which datagram it is
// about, except after the first one of a socket: that one is sent again to the next address, and is not lost.

import * as dgram from 'node:dgram'
import * as net from 'node:net'
import { sleep, systemClock } from '../clock.ts'
import { errnoOf, isOutOfDescriptors } from '../fault.ts'
import type { DatagramSender, Endpoint } from './net.ts'
import { isOfItself } from './own-end.ts'
import { resolve } from './resolve.ts'

// A name is looked up once a minute. Datagrams wait up to `RESOLVE_AGAIN_WAIT_MS` for the answer; after that the old addresses are used
// until it comes. The socket is replaced as often, because a connected socket keeps its local address even if ours changes.
const RESOLVED_FOR_MS = 60_000
const RESOLVE_AGAIN_WAIT_MS = 1_000

// If there are other addresses, the first datagram to an address is followed by others only after this time. By then it is known
// whether nobody listens there, as on ::1 of a machine whose name has that address too.
const REFUSAL_WAIT_MS = 250

// Errors of a send that are about an earlier datagram (ICMP). All others are about the datagram that is being sent.
const SAID_LATER = ['ECONNREFUSED', 'EHOSTUNREACH', 'EMSGSIZE', 'ENOPROTOOPT']

/** A socket that is connected to one address. */
class Way {
  readonly address: string
  /** Datagrams that the kernel has accepted, counted up to 2. */
  sent = 0
  readonly #socket: dgram.Socket
  readonly #said: (error: Error) => void
  #isClosed = false
  #listens: ((error: Error) => void) | undefined

  private constructor(address: string, socket: dgram.Socket, said: (error: Error) => void) {
    this.address = address
    this.#socket = socket
    this.#said = said
    socket.on('error', (error) => (this.#listens ?? this.#said)(error))
  }

  static to(address: string, port: number, said: (error: Error) => void): Promise<Way> {
    const socket = dgram.createSocket(net.isIPv6(address) ? 'udp6' : 'udp4')
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        socket.close()
        reject(error)
      }
      socket.once('error', fail)
      socket.once('connect', () => {
        socket.off('error', fail)
        const [own, peer] = [socket.address(), socket.remoteAddress()]
        if (!isOfItself(own.address, own.port, peer.address, peer.port)) return resolve(new Way(address, socket, said))
        socket.close()
        resolve(Way.to(address, port, said))
      })
      socket.connect(port, address)
    })
  }

  send(datagram: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.send(datagram, (error) => {
        if (error) return reject(error)
        this.sent = Math.min(2, this.sent + 1)
        resolve()
      })
    })
  }

  /** Waits up to `ms` for an ICMP error about the datagram that was sent. */
  async refusal(ms: number): Promise<Error | undefined> {
    let refusal: Error | undefined
    const stop = new AbortController()
    this.#listens = (error) => {
      refusal = error
      stop.abort()
    }
    await sleep(systemClock, ms, stop.signal)
    this.#listens = undefined
    return refusal
  }

  close(): void {
    if (!this.#isClosed) this.#socket.close()
    this.#isClosed = true
  }
}

/** `Net.datagramsTo` */
export class SystemDatagramSender implements DatagramSender {
  readonly #to: Endpoint
  readonly #lost: (reason: Error) => void
  #addresses: readonly string[] = []
  #untilMs = -Infinity
  /** Index of the address that is sent to. */
  #at = 0
  #way: Way | undefined
  /** Whether `#way` is due to be replaced by a new socket, if one can be created. */
  #isOld = false
  /** Current addresses whose refusal was waited for once. */
  #tried = new Set<string>()
  #isClosed = false

  constructor(to: Endpoint, lost: (reason: Error) => void) {
    this.#to = to
    this.#lost = lost
  }

  async send(datagram: Buffer): Promise<void> {
    let last: unknown
    await this.#lookUp()
    for (let tries = 0; tries <= this.#addresses.length; tries += 1) {
      const way = await this.#connected()
      const isFirst = way.sent === 0
      try {
        await way.send(datagram)
        const refusal = isFirst ? await this.#refusal(way) : undefined
        if (!refusal) return
        last = refusal
        this.#leave(way, refusal)
      } catch (error) {
        this.#leave(way, error)
        // On a socket that has sent nothing before, the error is about this datagram.
        if (isFirst) throw error
        if (SAID_LATER.includes(errnoOf(error) ?? '')) this.#lost(error as Error)
        last = error
      }
    }
    throw last
  }

  async ready(): Promise<void> {
    await this.#lookUp()
    await this.#connected()
  }

  close(): Promise<void> {
    this.#isClosed = true
    this.#way?.close()
    this.#way = undefined
    return Promise.resolve()
  }

  /** A way to the current address, or to the next one that this machine can reach: it may have lost its route to the others. */
  async #connected(): Promise<Way> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#connect()
      } catch (error) {
        if (tries >= this.#addresses.length || isOutOfDescriptors(error)) throw error
        this.#at = (this.#at + 1) % this.#addresses.length
      }
    }
  }

  async #connect(): Promise<Way> {
    const old = this.#way
    if (old && !this.#isOld) return old
    this.#isOld = false
    const address = this.#addresses[this.#at]
    try {
      const way = await Way.to(address, this.#to.port, (error) => {
        this.#lost(error)
        this.#leave(way, error)
      })
      old?.close()
      if (this.#isClosed) way.close()
      return (this.#way = way)
    } catch (error) {
      // Out of descriptors, for example: keep the old socket if it leads to the same address.
      if (old && old.address === address && this.#way === old) return old
      old?.close()
      this.#way = undefined
      throw error
    }
  }

  #leave(way: Way, error: unknown): void {
    const isRefused = errnoOf(error) === 'ECONNREFUSED'
    if (this.#way !== way || (isRefused && this.#addresses.length === 1)) return
    way.close()
    this.#way = undefined
    if (isRefused) this.#at = (this.#at + 1) % this.#addresses.length
  }

  async #refusal(way: Way): Promise<Error | undefined> {
    if (this.#addresses.length === 1 || this.#tried.has(way.address)) return undefined
    this.#tried.add(way.address)
    return way.refusal(REFUSAL_WAIT_MS)
  }

  /** Looks the name up if that is due. An unreachable or slow name server must not lose or hold up datagrams. */
  async #lookUp(): Promise<void> {
    if (this.#untilMs > systemClock.monotonicMs()) return
    if (this.#addresses.length === 0) return this.#lookedUp()
    this.#untilMs = systemClock.monotonicMs() + RESOLVED_FOR_MS
    this.#renew(this.#addresses)
    const fresh = this.#lookedUp().catch(() => {})
    await Promise.race([fresh, sleep(systemClock, RESOLVE_AGAIN_WAIT_MS)])
  }

  async #lookedUp(): Promise<void> {
    const { host } = this.#to
    const found = net.isIP(host) !== 0 ? [host] : (await resolve(host)).map(({ address }) => address)
    this.#untilMs = systemClock.monotonicMs() + RESOLVED_FOR_MS
    this.#renew(found)
  }

  /** Keeps sending to the current address if it is among the new ones, because the others may have refused. */
  #renew(addresses: readonly string[]): void {
    const at = addresses.indexOf(this.#addresses[this.#at])
    this.#at = Math.max(0, at)
    this.#addresses = addresses
    this.#tried = new Set(addresses.filter((address) => this.#tried.has(address)))
    this.#isOld = true
  }
}
