// A TCP connection of the real network, plain or under TLS.

import type * as net from 'node:net'
import { systemClock } from '../clock.ts'
import { Fault, reasonOf } from '../fault.ts'
import { KEEPALIVE_MS } from '../limits.ts'
import type { Connection, ConnectionEvents, Endpoint } from './net.ts'
import { readShared } from './shared-read.ts'
import { unacknowledgedMs } from './tcp-info.ts'

/** Converts an IPv4-mapped address of a dual-stack socket (`::ffff:192.0.2.7`) to IPv4 (`192.0.2.7`). */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

export class SystemConnection implements Connection {
  readonly peer: Endpoint
  readonly descriptor: number | undefined
  /** For TLS, which wraps it. */
  readonly socket: net.Socket
  readonly #isPlain: boolean
  /** The handle of the TCP socket, also under TLS. */
  readonly #handle: Handle

  /** `under` is the TCP connection below, if this one is TLS. */
  constructor(socket: net.Socket, under?: SystemConnection) {
    this.socket = socket
    this.#isPlain = under === undefined
    this.#handle = under ? under.#handle : handleOf(socket)
    this.descriptor = under ? undefined : descriptorOf(this.#handle)
    this.peer = under?.peer ?? { host: plainAddress(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 }
    socket.setKeepAlive(true, KEEPALIVE_MS)
    socket.setNoDelay(true)
    // An error before `start`, such as a reset, must not end the process; the close event that follows reports it. After an invalid
    // TLS record, Node does not close the socket by itself.
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
    // A TLS socket has been read from already: data after the handshake is in its buffer.
    const isShared = this.#isPlain && readShared(socket, (chunk) => events.data(chunk))
    if (!isShared) socket.on('data', (chunk: Buffer) => events.data(chunk))
    if (socket.readableEnded) systemClock.soon(() => events.end())
    else socket.on('end', () => events.end())
    socket.on('error', (error) => (failure = error))
    if (socket.destroyed) systemClock.soon(() => events.close(failure))
    else socket.on('close', () => events.close(failure))
    // Accepted sockets are paused until now, since data without a listener would be discarded.
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
    // A peer that never closes its side must not keep our process alive.
    this.socket.end(() => this.socket.unref())
  }

  destroy(): void {
    this.socket.destroy()
  }
}

/** Internals of a Node socket; in a version of Node without them, the values are unknown. */
interface Handle {
  readonly fd?: number
  /** Bytes given to libuv, and those of them that the kernel has not accepted yet. */
  readonly bytesWritten?: number
  readonly writeQueueSize?: number
}

function handleOf(socket: net.Socket): Handle {
  return (socket as { readonly _handle?: Handle | null })._handle ?? {}
}

function descriptorOf({ fd }: Handle): number | undefined {
  return fd !== undefined && fd >= 0 ? fd : undefined
}
