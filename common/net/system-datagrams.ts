// UDP sockets that receive. `system-datagram-sender.ts` has those that send.

import * as dgram from 'node:dgram'
import * as net from 'node:net'
import { errnoOf } from '../fault.ts'
import { bindFault } from './bind-fault.ts'
import { BusyDatagrams, readingHandle, type ReadingHandle } from './busy-datagrams.ts'
import { libc, type Libc } from './libc.ts'
import type { DatagramSocket, Endpoint, ReceiveDatagram } from './net.ts'
import { receiveMany, type ReceiveMany } from './receive-many.ts'
import { resolve } from './resolve.ts'
import { plainAddress } from './system-connection.ts'

/** `Net.bind` */
export async function bind(at: Endpoint, receiveBufferBytes?: number): Promise<DatagramSocket> {
  const address = net.isIP(at.host) === 0 ? (await resolve(at.host))[0].address : at.host
  // Loaded before the socket is bound: it reads from then on, and datagrams that arrived during the loading would be lost.
  const [calls, many] = [await libc(), await receiveMany()]
  const socket = await boundSocket(address, at)
  if (receiveBufferBytes !== undefined) askForBuffer(socket, receiveBufferBytes, calls)
  return new SystemDatagramSocket(socket, many)
}

/** Binds a socket of the family of the address; `at` is named in faults. */
function boundSocket(address: string, at: Endpoint): Promise<dgram.Socket> {
  const socket = dgram.createSocket(net.isIPv6(address) ? 'udp6' : 'udp4')
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close()
      reject(bindFault(error, at, 'udp'))
    })
    socket.bind(at.port, address, () => {
      socket.removeAllListeners('error')
      // An error of a receiving socket must not end the process.
      socket.on('error', () => {})
      resolve(socket)
    })
  })
}

// From <asm-generic/socket.h>.
const SOL_SOCKET = 1
const SO_RCVBUFFORCE = 33

// The kernel grants more than net.core.rmem_max only with CAP_NET_ADMIN (SO_RCVBUFFORCE). Otherwise it limits the size to that; some
// systems refuse instead, and the default size stays.
function askForBuffer(socket: dgram.Socket, bytes: number, libc?: Libc): void {
  const handle = readingHandle(socket)
  const value = Buffer.alloc(4)
  value.writeInt32LE(bytes)
  if (handle && libc?.setsockopt(handle.fd, SOL_SOCKET, SO_RCVBUFFORCE, value, value.length) === 0) return
  try {
    socket.setRecvBufferSize(bytes)
  } catch (error) {
    if (errnoOf(error) !== 'ERR_SOCKET_BUFFER_SIZE') throw error
  }
}

const EARLY_DATAGRAMS_MAX = 4096

// The kernel raises this to its minimum, which holds one or two datagrams. Datagrams already in the queue stay there.
const LEAST_BUFFER_BYTES = 1

class SystemDatagramSocket implements DatagramSocket {
  readonly port: number
  readonly receiveBufferBytes: number
  readonly readsMany: boolean
  readonly #socket: dgram.Socket
  readonly #handle: ReadingHandle | undefined
  readonly #many: ReceiveMany | undefined
  #busy: BusyDatagrams | undefined
  // Datagrams received between binding and `start`, which would otherwise be lost during the first seconds of a start. Once there are
  // EARLY_DATAGRAMS_MAX, reading stops, so that the kernel keeps the others and counts those that it has no room for.
  readonly #early: [datagram: Buffer, host: string, port: number][] = []

  constructor(socket: dgram.Socket, many: ReceiveMany | undefined) {
    this.#socket = socket
    this.#handle = readingHandle(socket)
    this.#many = many
    this.readsMany = this.#many !== undefined && this.#handle !== undefined
    this.port = socket.address().port
    this.receiveBufferBytes = socket.getRecvBufferSize()
    socket.on('message', this.#keepEarly)
  }

  start(receive: ReceiveDatagram, hasRoom: () => boolean = () => false): void {
    if (this.#many && this.#handle) this.#busy = new BusyDatagrams(this.#handle, this.#many, receive, hasRoom)
    // Consecutive datagrams are mostly from one sender, so the text of the last address is cached.
    let known = ''
    let plain = ''
    this.#socket.on('message', (datagram, { address, port }) => {
      if (address !== known) {
        known = address
        plain = plainAddress(address)
      }
      receive(datagram, plain, port)
      this.#busy?.follow()
    })
    this.#socket.off('message', this.#keepEarly)
    const early = this.#early.splice(0)
    for (const [datagram, host, port] of early) receive(datagram, host, port)
    if (early.length >= EARLY_DATAGRAMS_MAX) this.#handle?.recvStart()
  }

  readonly #keepEarly = (datagram: Buffer, { address, port }: dgram.RemoteInfo): void => {
    if (this.#early.length < EARLY_DATAGRAMS_MAX) this.#early.push([datagram, plainAddress(address), port])
    if (this.#early.length >= EARLY_DATAGRAMS_MAX) this.#handle?.recvStop()
  }

  refuse(): void {
    askForBuffer(this.#socket, LEAST_BUFFER_BYTES)
    this.#busy?.finish()
  }

  async close(): Promise<void> {
    this.#busy?.close()
    await new Promise<void>((resolve) => this.#socket.close(resolve))
  }
}
