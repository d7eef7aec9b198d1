// One buffer for all reads of all connections.
//
// Node makes a buffer of 64 KiB for every read, and leaves it to the garbage collector: at 400 MB/s that was a quarter of
// the resident memory and 5 % of the CPU. Sockets that a program opens may bring a buffer of their own (`onread`); for
// those that a server accepts there is no such option, though the same machinery is there. It is used where it is found,
// and where it is not (a Node that changed it) reads come as ordinary `data` events.
//
// All reads can share one buffer: the callback runs to its end before the next read begins, and whoever takes the bytes
// copies them (`ConnectionEvents.data`).

import type { Socket } from 'node:net'

const READ_BYTES = 64 * 1024
const shared = Buffer.allocUnsafeSlow(READ_BYTES)

interface Handle {
  useUserBuffer(buffer: Buffer): void
}

type Internals = Record<symbol, unknown> & { readonly _handle?: Partial<Handle> | null }

/** Reads of this socket, which has not been read from yet, go to `take`; false where this Node cannot do it. */
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
