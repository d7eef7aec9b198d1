// Reads all connections into one shared buffer.
//
// Node allocates a buffer of 64 KiB for every read, and leaves it to the garbage collector: at 400 MB/s that was a quarter of
// the resident memory and 5 % of the CPU. A socket that connects can be given a buffer of its own (`onread`). There is no such
// option for accepted sockets, but they have the same internals, which are used here. In a version of Node without them, reads come as
// ordinary `data` events.
//
// All reads can share one buffer, because the callback returns before the next read begins, and receivers copy the bytes that they
// keep (`ConnectionEvents.data`).

import type { Socket } from 'node:net'

const READ_BYTES = 64 * 1024
const shared = Buffer.allocUnsafeSlow(READ_BYTES)

interface Handle {
  useUserBuffer(buffer: Buffer): void
}

type Internals = Record<symbol, unknown> & { readonly _handle?: Partial<Handle> | null }

/** Passes reads of this socket, which must not have been read yet, to `take`; false if this version of Node cannot do it. */
export function readShared(socket: Socket, take: (bytes: Buffer) => void): boolean {
  const internals = socket as unknown as Internals
  const handle = internals._handle
  const symbols = new Map(Object.getOwnPropertySymbols(socket).map((symbol) => [symbol.description, symbol]))
  const buffer = symbols.get('kBuffer')
  const callback = symbols.get('kBufferCb')
  if (!buffer || !callback || typeof handle?.useUserBuffer !== 'function') return false
  internals[buffer] = shared
  internals[callback] = (count: number) => {
    take(shared.subarray(0, count))
    return !socket.isPaused()
  }
  handle.useUserBuffer(shared)
  return true
}
