// A Unix socket that this process listens on. It is created, checked from time to time, and removed if it is still ours.
//
//   path does not exist      it is created
//   a socket, no listener    left by a killed process: replaced
//   a socket with listener   SOCKET_TAKEN: two readers would share the messages of one machine
//   anything else            SOCKET_UNAVAILABLE: a file that somebody may want is not removed

import { connect, createServer } from 'node:net'
import type { Disk, FileStat } from '../disk.ts'
import { errnoOf, Fault, reasonOf } from '../fault.ts'
import { SOCKET_PATH_BYTES_MAX } from '../limits.ts'
import type { Random } from '../random.ts'
import { newId } from '../random.ts'
import type { Connection } from './net.ts'
import { SystemConnection } from './system-connection.ts'
import { answersDatagrams, bindDatagrams } from './unix-datagrams.ts'

/** What the socket receives: datagrams or connections. */
export type UnixReceiver =
  | { readonly kind: 'datagram'; receive(datagram: Buffer): void }
  | { readonly kind: 'stream'; accept(connection: Connection): void }

/** The file of a socket. */
export interface SocketFile {
  readonly path: string
  /** Permission bits of the socket file: write permission is permission to send. */
  readonly mode: number
}

/** What a check of the file found. */
export type UnixState = 'ours' | 'created again' | 'taken'

// Length of the temporary name under which a stream socket is first created.
const NEW_NAME_BYTES = 8
const BACKLOG = 511

interface Bound {
  close(): void
}

export class UnixSocket {
  readonly #file: SocketFile
  readonly #receiver: UnixReceiver
  readonly #disk: Disk
  readonly #random: Random
  #bound: Bound | undefined
  /** The socket before the last re-creation. It stays open for one more round, since connected senders may have sent something. */
  #former: Bound | undefined
  /** Device and inode of our file. */
  #key = ''

  constructor(file: SocketFile, receiver: UnixReceiver, disk: Disk, random: Random) {
    this.#file = file
    this.#receiver = receiver
    this.#disk = disk
    this.#random = random
  }

  /** Creates the file and begins to receive. Rejects with `SOCKET_TAKEN` or `SOCKET_UNAVAILABLE`. */
  async open(): Promise<void> {
    const { path } = this.#file
    try {
      await this.#clear()
      this.#bound = await this.#bind()
    } catch (error) {
      if (error instanceof Fault) throw error
      throw new Fault('SOCKET_UNAVAILABLE', `cannot listen on ${path}: ${reasonOf(error)}`, { cause: error })
    }
  }

  /** Checks whether the file is still ours, and creates it again unless another process listens there. */
  async look(): Promise<UnixState> {
    this.#former?.close()
    this.#former = undefined
    if (await this.#isOurs()) return 'ours'
    const before = this.#bound
    try {
      await this.open()
    } catch (error) {
      if (error instanceof Fault && error.code === 'SOCKET_TAKEN') return 'taken'
      throw error
    }
    this.#former = before
    return 'created again'
  }

  /** Removes the file, so that no new senders connect. Connected ones can continue until `close`. */
  async hide(): Promise<void> {
    if (await this.#isOurs()) await this.#disk.remove(this.#file.path)
  }

  close(): void {
    this.#former?.close()
    this.#bound?.close()
    this.#former = undefined
    this.#bound = undefined
  }

  async #isOurs(): Promise<boolean> {
    const stat = await this.#disk.statLink(this.#file.path)
    return stat !== undefined && this.#bound !== undefined && keyOf(stat) === this.#key
  }

  /** Frees the path, or throws. */
  async #clear(): Promise<void> {
    const { path } = this.#file
    const found = await this.#disk.statLink(path)
    if (!found) return
    const stat = found.kind === 'link' ? await this.#disk.stat(path) : found
    if (stat && stat.kind !== 'socket') {
      throw new Fault('SOCKET_UNAVAILABLE', `${path} exists and is not a socket; it is not replaced`)
    }
    if (stat && (await hasListener(path))) throw new Fault('SOCKET_TAKEN', `another process listens on ${path}`)
    await this.#disk.remove(path)
  }

  async #bind(): Promise<Bound> {
    const { path, mode } = this.#file
    const receiver = this.#receiver
    // When Node closes a stream socket, it removes the path that it was created under, even if that is another process's socket by
    // then. So the socket is created under another name, and renamed.
    const isStream = receiver.kind === 'stream'
    const made = isStream
      ? `${path.slice(0, path.lastIndexOf('/') + 1)}.${newId(this.#random).slice(1, NEW_NAME_BYTES)}`
      : path
    if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX || Buffer.byteLength(made) > SOCKET_PATH_BYTES_MAX) {
      throw new Fault('SOCKET_UNAVAILABLE', `${path} is too long for a socket (sockaddr_un has 108 bytes)`)
    }
    const bound = isStream
      ? await listenForStreams(made, (connection) => receiver.accept(connection))
      : await bindDatagrams(made, (datagram) => receiver.receive(datagram))
    try {
      await this.#disk.setMode(made, mode)
      this.#key = keyOf((await this.#disk.statLink(made))!)
      if (isStream) await this.#disk.rename(made, path)
    } catch (error) {
      bound.close()
      throw error
    }
    return bound
  }
}

function keyOf({ device, inode }: FileStat): string {
  return `${device}:${inode}`
}

function listenForStreams(path: string, accept: (connection: Connection) => void): Promise<Bound> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      accept(new SystemConnection(socket))
    })
    server.once('error', reject)
    server.listen({ path, backlog: BACKLOG }, () => {
      server.off('error', reject)
      server.on('error', () => {}) // libuv retries an accept that failed for lack of descriptors
      resolve({ close: () => void server.close() })
    })
  })
}

/** Whether a process listens on the socket, be it a stream or a datagram socket. */
export function hasListener(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error) => {
      const code = errnoOf(error)
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve(false)
      else if (code === 'EPROTOTYPE') resolve(answersDatagrams(path))
      else if (code === 'EAGAIN')
        resolve(true) // the backlog is full
      else reject(error)
    })
  })
}
