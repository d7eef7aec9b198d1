// One end of a TCP connection on the real network.

import type * as net from 'node:net'
import { systemClock } from '../clock.ts'
import { Fault, reasonOf } from '../fault.ts'
import { KEEPALIVE_MS } from '../limits.ts'
import type { Connection, ConnectionEvents, Endpoint } from './net.ts'
import { readShared } from './shared-read.ts'
import { unacknowledgedMs } from './unacknowledged.ts'

/** `::ffff:192.0.2.7` is the IPv4 address 192.0.2.7 seen through a socket for both. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

/** A connection of the kernel, plain or under TLS. */
export class SystemConnection implements Connection {
  readonly peer: Endpoint
  readonly descriptor: number | undefined
  /** For whoever puts TLS on it. */
  readonly socket: net.Socket
  readonly #isPlain: boolean
  /** What the kernel has of it. */
  readonly #handle: Handle

  /** `under` is the connection that carries this one, where it is TLS. */
  constructor(socket: net.Socket, under?: SystemConnection) {
    this.socket = socket
    this.#isPlain = under === undefined
    this.#handle = under ? under.#handle : handleOf(socket)
    this.descriptor = under ? undefined : descriptorOf(this.#handle)
    this.peer = under?.peer ?? { host: plainAddress(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 }
    socket.setKeepAlive(true, KEEPALIVE_MS)
    socket.setNoDelay(true)
    // Before `start` a reset must not end the process; the close event that follows is what counts. After what TLS cannot
    // read, Node gives none by itself.
    socket.on('error', () => socket.destroy())
  }

  get takenBytes(): number | undefined {
    const { bytesWritten, writeQueueSize } = this.#handle
    return bytesWritten === undefined || writeQueueSize === undefined ? undefined : bytesWritten - writeQueueSize
  }

  get unacknowledgedMs(): number | undefined {
    const descriptor = this.socket.destroyed ? undefined : descriptorOf(this.#handle)
    return descriptor === undefined ? undefined : unacknowledgedMs(descriptor)
  }

  start(events: ConnectionEvents): void {
    const { socket } = this
    let failure: Error | undefined
    // TLS has read already: what came behind the handshake waits in the socket.
    const isShared = this.#isPlain && readShared(socket, (chunk) => events.data(chunk))
    if (!isShared) socket.on('data', (chunk: Buffer) => events.data(chunk))
    if (socket.readableEnded) systemClock.soon(() => events.end())
    else socket.on('end', () => events.end())
    socket.on('error', (error) => (failure = error))
    if (socket.destroyed) systemClock.soon(() => events.close(failure))
    else socket.on('close', () => events.close(failure))
    // What was accepted does not flow before this: bytes that nobody listens for would be gone.
    socket.resume()
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  write(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.write(bytes, (error) => {
        if (error) reject(new Fault('CONNECTION_LOST', reasonOf(error), { retryable: true, cause: error }))
        else resolve()
      })
    })
  }

  end(): void {
    // A peer that never closes its side must not keep a process alive that has nothing more to say.
    this.socket.end(() => this.socket.unref())
  }

  destroy(): void {
    this.socket.destroy()
  }
}

/** What Node keeps to itself; where it is not found, nobody is told. */
interface Handle {
  readonly fd?: number
  /** Given to libuv, and how much of it the kernel has not taken. */
  readonly bytesWritten?: number
  readonly writeQueueSize?: number
}

function handleOf(socket: net.Socket): Handle {
  return (socket as { readonly _handle?: Handle | null })._handle ?? {}
}

function descriptorOf({ fd }: Handle): number | undefined {
  return fd !== undefined && fd >= 0 ? fd : undefined
}
